import {createHash} from 'node:crypto';
import test from 'ava';
import type {NodeView} from '../source/protocol/api.js';
import {lineFaults, startBadLine} from './testing/bad-line.js';
import {chanceOf} from './testing/crash-chance.js';
import {until} from './testing/processes.js';
import {startTrustNetwork, type TrustNetwork} from './testing/trust-network.js';

/** The seed draws what befalls which link after how many bytes; what is under way just then is up to the machine as well. */
const SEED = Number(process.env['PJAS_LINKS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const ROUNDS = Number(process.env['PJAS_LINKS_ROUNDS'] ?? 200);
const NODES = 3;
const LINKS_A_NODE = 4;
const MOST_FILE_BYTES = 300_000;
const WITHIN_BYTES = 400_000;
const LIMIT_MS = 300_000;
const NODE_TIMEOUT_MS = 1500;
/** A call that takes longer hangs: every node may be silent once for all that it may. */
const CALL_LIMIT_MS = 30_000;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** More than are kept are open for a while after they were of use. */
const isLinked = ({status, links = 0}: NodeView) => status === 'online' && links >= LINKS_A_NODE;

const nodesOf = async (network: TrustNetwork) =>
	((await (await network.call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

/** Uploads and downloads through the coordinator, which must answer in time, right or with a code. */
const clientOf = ({url, coordinator}: TrustNetwork) => {
	const headers = {authorization: `Bearer ${coordinator.firstAdmin?.token ?? ''}`};
	const signal = () => AbortSignal.timeout(CALL_LIMIT_MS);
	return {
		async upload(bytes: Uint8Array<ArrayBuffer>) {
			const body = new FormData();
			body.set('file', new Blob([bytes]), 'a.bin');
			const answer = await fetch(`${url}/api/files/upload`, {method: 'POST', headers, body, signal: signal()});
			const said = (await answer.json()) as {file_id?: string; code?: string};
			if (!answer.ok && said.code === undefined)
				throw new Error(`an upload was answered by ${answer.status} without a code`);
			return answer.ok ? said.file_id : undefined;
		},
		/** The content's SHA-256, or nothing where it can't be had now. */
		async download(id: string) {
			const answer = await fetch(`${url}/api/files/download/${id}`, {headers, signal: signal()});
			const bytes = new Uint8Array(await answer.arrayBuffer());
			return answer.ok ? sha256(bytes) : undefined;
		},
	};
};

const areWhole = async (network: TrustNetwork): Promise<boolean> => {
	const nodes = await nodesOf(network);
	return nodes.length === NODES && nodes.every(isLinked);
};

test('links that break, end early, are late or fall silent at any byte lose nothing, hang nothing and leave nothing open', async t => {
	t.timeout(LIMIT_MS);
	t.teardown(() => {
		if (!t.passed) t.log(`PJAS_LINKS_SEED=${SEED}`);
	});
	const warnings: string[] = [];
	const warn = ({message}: Error) => warnings.push(message);
	process.on('warning', warn);
	t.teardown(() => process.off('warning', warn));

	const chance = chanceOf(SEED);
	const network = await startTrustNetwork(t, {nodeTimeoutMs: NODE_TIMEOUT_MS});
	const line = await startBadLine(t, network.url);
	const join = await network.invite({uses: NODES});
	const linked = {publicUrl: undefined, reach: 'links', coordinatorUrl: `${line.url}/api`, join} as const;
	const nodes = [];
	for (let number = 1; number <= NODES; number++) nodes.push(await network.startNode(`node-${number}`, linked));
	await until('all are linked', async () => areWhole(network));

	const client = clientOf(network);
	const kept = new Map<string, string>();
	let [wrong, unanswered] = [0, 0];
	for (let round = 0; round < ROUNDS; round++) {
		const fault = chance.isOneIn(3) ? chance.pick(lineFaults) : 'drop';
		line.spoil(fault, chance, WITHIN_BYTES);
		const bytes = chance.bytes(chance.between(1, MOST_FILE_BYTES));
		const before = kept.size > 0 ? chance.pick([...kept]) : undefined;
		const [id, came] = await Promise.all([client.upload(bytes), before ? client.download(before[0]) : undefined]);
		if (id === undefined) unanswered++;
		else kept.set(id, sha256(bytes));
		if (before && came !== undefined && came !== before[1]) wrong++;
	}

	t.is(wrong, 0);
	t.true(unanswered < ROUNDS / 2, `${unanswered} of ${ROUNDS} uploads were refused`);
	line.mend();
	await until('all links are back', async () => areWhole(network));
	for (const [id, hash] of kept) t.is(await client.download(id), hash, id);
	t.deepEqual(warnings, [], 'no listener is left over');

	await Promise.all(nodes.map(async ({running}) => running.close({graceMs: 0})));
	await until('no socket is left over', () => line.sockets() === 0);
	t.log(`seed ${SEED}: ${kept.size} files in ${ROUNDS} rounds, ${unanswered} uploads refused with a code`);
});
