import path from 'node:path';
import {parsePackName} from '../core/shard-pack.js';
import {apiOf} from '../node/address.js';
import type {KeyTexts} from '../trust/keys.js';
import {LINK_PROTOCOL} from '../trust/node-messages.js';
import {codeOf, type Finding, findingsOf} from '../../source/doctor/finding.js';
import type {Answered} from '../../source/doctor/ask.js';
import type {DoctorIo} from './io.js';
import {silenceOf} from '../../source/doctor/reach-checks.js';
import {localUrlOf, type PortState} from './network-checks.js';

/** What only a node can be troubled by. */

/** What a node's folder says about it. */
export type NodeIdentity = {
	nodeId: string;
	keys: KeyTexts | undefined;
	/** Whether it has met a coordinator. */
	hasJoined: boolean;
	/** How many shards its index counts; none where there is no index that can be read. */
	indexed: number | undefined;
};

const chunkName = /^[0-9a-f]{64}\.chunk$/;

/** Whether there are shards, and if not, why that may be. */
export const checkChunks = async (
	folder: string,
	identity: NodeIdentity | undefined,
	io: Pick<DoctorIo, 'list'>,
): Promise<Finding> => {
	const chunks = path.join(folder, 'chunks');
	const {fine, warning, wrong, skipped} = findingsOf('chunks', `Counted the shards in ${chunks}`);
	const names = await io.list(chunks).catch((error: unknown) => codeOf(error));
	const isGone = names === 'ENOENT';
	if (isGone && !identity) return skipped('The node has not run with this folder yet');
	if (typeof names === 'string' && !isGone) {
		return wrong(`It can't be listed: ${names}`, 'Check who owns it, and the disk');
	}

	const found = isGone ? [] : names;
	const packs = found.filter(parsePackName).length;
	const count = found.filter(name => chunkName.test(name)).length;
	if (packs > 0) return fine(`There are ${count}, and ${packs} ${packs === 1 ? 'pack' : 'packs'} of small ones`);
	if (count > 0) return fine(`There are ${count}`);
	const {indexed = 0, hasJoined = false} = identity ?? {};
	if (indexed > 0) {
		const remedy = 'Put them back if you can. Else start the node: they are noticed, and made again from other copies';
		return wrong(
			`There are none, and there were ${indexed}: somebody removed them, or the disk is not mounted`,
			remedy,
		);
	}

	const remedy = hasJoined
		? 'New shards come with new uploads. Where none come for long: look whether the node is online, and has room'
		: 'The node must join first: start it with the code of an invitation, --join CODE';
	return warning('There are none', remedy);
};

/** What a node says of itself to its coordinator, signed, without being taken for online by that. */
export type SayHello = () => Promise<{status: number; error: string | undefined; isFromCoordinator: boolean}>;

const refusals: Record<number, [seen: string, remedy: string]> = {
	401: [
		'It does not accept the key of this node',
		'Another node has this id: give each node a folder of its own, never a copy of one',
	],
	403: ['It keeps this node out', 'Ask its operators: the node was banned, or left; then it needs a new code'],
	404: ['It does not know this node', 'Start the node, with --join CODE where it has left or the coordinator is new'],
};

/** Whether the coordinator knows this node, and is the one that the node trusts. */
export const checkMembership = async (
	identity: NodeIdentity | undefined,
	{joinCode, hello}: {joinCode: string | undefined; hello: SayHello},
): Promise<Finding> => {
	const {fine, wrong, skipped, warning} = findingsOf('membership', 'Told the coordinator, signed, who this node is');
	if (!identity?.keys || !identity.hasJoined) {
		if (joinCode !== undefined) return skipped('This node has not joined yet; it does when it starts, with its code');
		const remedy = 'Ask for an invitation, and start the node with --join CODE. An --open coordinator needs none';
		return warning('This node has not joined yet, and has no code', remedy);
	}

	try {
		const {status, error, isFromCoordinator} = await hello();
		const [seen, remedy] = refusals[status] ?? [];
		if (seen !== undefined && remedy !== undefined)
			return wrong(`${seen} (${status}: ${error ?? 'no reason'})`, remedy);
		if (status !== 200)
			return warning(`It answers ${status}: ${error ?? 'no reason'}`, "Look at the coordinator's log");
		if (isFromCoordinator) return fine('It knows this node, and is the one that this node trusts');
		const help = 'Check coordinator_url. If the network got new keys while this node was away, it needs a new code';
		return wrong('What answers there is not the coordinator that this node trusts', help);
	} catch (error) {
		return skipped(silenceOf(error).seen);
	}
};

const isTunnelError = ({header, text}: Answered) =>
	header('ngrok-error-code') !== undefined || text.includes('ERR_NGROK_');

/** What answers at a node's address while the node itself runs. */
const judgeAnswer = (answer: Answered, address: string): Finding => {
	const {fine, wrong} = findingsOf('address', `Asked ${address}/status, as the coordinator would`);
	if (answer.status === 200 && /"status":\s*"online"/.test(answer.text)) return fine('A node answers there');
	if (isTunnelError(answer)) {
		const code = answer.header('ngrok-error-code') ?? /ERR_NGROK_\d+/.exec(answer.text)?.[0] ?? 'an error';
		const remedy = 'Start the tunnel (ngrok http PORT), put its address in ngrok_url, and start the node again';
		return wrong(`The tunnel is dead: it answers ${code}`, remedy);
	}

	const remedy =
		'Check --public-url or ngrok_url: a tunnel gets another address each time, and a router forwards one port';
	return wrong(`What answers there is no node (${answer.status})`, remedy);
};

/**
Whether a node is reached under its address. Where the node does not run, something listens in its place for a moment, and
must be what answers. From here, which is not from everywhere: what this says is wrong is wrong, but a router that lets
its own house in may not let others in.
*/
export const checkAddress = async (
	address: string,
	place: PortState & {isRunning: boolean},
	io: DoctorIo,
): Promise<Finding> => {
	const {fine, wrong, skipped} = findingsOf('address', `Asked ${address}, as the coordinator would`);
	const silence = (error: unknown) => {
		const {seen, remedy} = silenceOf(error);
		const help =
			'Check the tunnel, the port that the router forwards, and the firewall. Without an address links are used';
		return wrong(seen, `${remedy}. ${help}`);
	};
	if (place.isRunning) {
		return io.ask(`${address}/status`).then(answer => judgeAnswer(answer, address), silence);
	}

	const text = io.nonce();
	const listening = await io.listen({...place, text}).catch(() => undefined);
	if (!listening) return skipped(`Port ${place.port} is not free, so nothing of ours can answer there`);
	try {
		if (place.isTls) return skipped('The node does not run, and only it has its certificate');
		const answer = await io.ask(`${address}/status`);
		if (answer.text === text) return fine(`What listens at ${localUrlOf(place)} is reached there`);
		return judgeAnswer(answer, address);
	} catch (error) {
		return silence(error);
	} finally {
		await listening.close();
	}
};

const UPGRADE_REQUIRED = 426;

/** Whether WebSockets pass, over which a node without an address is reached. */
export const checkLinks = async (coordinatorUrl: string, io: DoctorIo): Promise<Finding> => {
	const url = `${apiOf(coordinatorUrl)}/nodes/link`;
	const {fine, warning, wrong, skipped} = findingsOf(
		'address',
		`Asked ${url} for a WebSocket: this node has no address`,
	);
	const headers = {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-protocol': LINK_PROTOCOL,
		'sec-websocket-key': Buffer.from('the doctor asks.').toString('base64'),
	};
	try {
		const {status} = await io.ask(url, {headers});
		// Nobody said who asks: a refusal of that comes from behind all proxies.
		if (status === 400 || status === 401 || status === 403) return fine('WebSockets pass');
		if (status === UPGRADE_REQUIRED) {
			const remedy =
				'Let the proxy before the coordinator pass on the headers Upgrade and Connection, or update the older one';
			return wrong('A proxy takes the WebSocket away, or the two speak different versions', remedy);
		}

		if (status === 404) return wrong('The coordinator knows no links', 'Update it, or give this node an address');
		return warning(`It answers ${status}`, 'Look at what is between: a proxy that knows no WebSockets, perhaps');
	} catch (error) {
		return skipped(silenceOf(error).seen);
	}
};
