import {readdir, readFile} from 'node:fs/promises';
import {Agent, createServer, request, type ServerResponse} from 'node:http';
import {join} from 'node:path';
import {parseDigest} from '../../source/protocol/ids.js';
import {MAX_LISTING_PAGE} from '../core/limits.js';
import {listen} from './floor-listen.js';
import {standInStorage} from './growth-nodes-storage.js';

/**
Stands in for many nodes; forked with the folder of their listings. Each says that it is there and what it lists, and has no
bytes. Told of a coordinator's port, all of them send it heartbeats, as often as nodes do.
*/
export type BeatTask = {coordinatorPort: number};

const [listings = ''] = process.argv.slice(2);
const HEARTBEAT_MS = 10_000;
/** How often some of them send one. */
const BEATS_MS = 100;
const agent = new Agent({keepAlive: true, maxSockets: 16});

const answer = (response: ServerResponse, status: number, body: object): void => {
	const text = JSON.stringify(body);
	response.writeHead(status, {'content-type': 'application/json', 'content-length': Buffer.byteLength(text)}).end(text);
};

const list = async (node: string, after: string, response: ServerResponse): Promise<void> => {
	const all = JSON.parse(await readFile(join(listings, node), 'utf8')) as string[];
	const from = all.findIndex(digest => digest > after);
	const digests = from < 0 ? [] : all.slice(from, from + MAX_LISTING_PAGE);
	const hasMore = from >= 0 && from + digests.length < all.length;
	answer(response, 200, {success: true, digests, next_after: hasMore ? digests.at(-1) : null});
};

const lacking = {success: false, code: 'NODE_FAILED', error: 'This node is stood in for: it has no bytes. Ask another'};

const server = createServer((incoming, response) => {
	const {pathname, searchParams} = new URL(incoming.url ?? '/', 'http://127.0.0.1');
	const [, node = '', what = '', name] = pathname.split('/');
	incoming.resume();
	if (what === 'status') answer(response, 200, {node_id: node, storage: standInStorage});
	else if (what === 'shards' && name === undefined && incoming.method === 'GET') {
		list(node, parseDigest(searchParams.get('after')) ?? '', response).catch(() => answer(response, 503, lacking));
	} else answer(response, 503, lacking);
});

const beat = (port: number, node: string): void => {
	const body = JSON.stringify({node_id: node, storage_stats: standInStorage});
	const headers = {'content-type': 'application/json', 'content-length': body.length};
	const options = {host: '127.0.0.1', port, method: 'POST', path: '/api/nodes/heartbeat', headers, agent};
	// One that is missed is as on a real line: the next comes soon.
	request(options, heard => heard.resume())
		.on('error', () => undefined)
		.end(body);
};

const beatAll = async ({coordinatorPort}: BeatTask): Promise<void> => {
	const nodes = await readdir(listings);
	const count = Math.ceil((nodes.length * BEATS_MS) / HEARTBEAT_MS);
	const everyMs = (count * HEARTBEAT_MS) / nodes.length;
	let at = 0;
	setInterval(() => {
		for (const node of nodes.slice(at, at + count)) beat(coordinatorPort, node);
		at = at + count < nodes.length ? at + count : 0;
	}, everyMs);
};

process.on('message', (task: BeatTask) => {
	beatAll(task).then(
		() => process.send?.({}),
		(error: unknown) => process.send?.({error: String(error)}),
	);
});
listen(server);
