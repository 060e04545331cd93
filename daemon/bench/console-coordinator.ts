import {once} from 'node:events';
import {createServer, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import type {FileView, LogEntry, NodeView, Stats} from '../../source/protocol/api.js';
import type {EventData, EventName} from '../../source/protocol/events.js';
import {pathOf, routes} from '../../source/protocol/routes.js';

export type FakeNetwork = {
	stats: Stats;
	nodes: readonly NodeView[];
	/** The newest first. */
	files: readonly FileView[];
	log: readonly LogEntry[];
};

/** Answers as a coordinator does, and tells what it is told to tell, when it is told to. */
export type FakeCoordinator = {
	url: string;
	send: <Name extends EventName>(name: Name, data: EventData<Name>) => void;
	stop: () => Promise<void>;
};

const BIGGEST_PAGE = 1000;

const filesPage = ({files}: FakeNetwork, query: URLSearchParams) => {
	const before = query.get('before');
	const start = before === null ? 0 : files.findIndex(({file_id: id}) => id < before);
	const from = start === -1 ? files.length : start;
	const page = files.slice(from, from + Number(query.get('limit') ?? BIGGEST_PAGE));
	const hasMore = from + page.length < files.length;
	return {
		...{success: true, files: page, count: page.length, total: files.length},
		next_before: hasMore ? page.at(-1)?.file_id : null,
	};
};

/** Where a file is: each chunk on the three nodes that come after one another. */
const replicationOf = ({files, nodes}: FakeNetwork, pathname: string) => {
	const file = files.find(({file_id: id}) => pathname === pathOf('replication', id));
	if (!file) return undefined;
	const chunks = Array.from({length: file.chunks_count}, (_, index) => ({
		...{index, size: Math.ceil(file.size / file.chunks_count), wanted: 3, present: 3},
		shards: nodes.slice(index, index + 3).map(({node_id, name}) => ({
			...{node_id, node_name: name, state: 'online', verified_at: file.uploaded_at},
			digest: index.toString(16).padStart(64, '0'),
		})),
	}));
	return {success: true, file_id: file.file_id, chunks_count: file.chunks_count, chunks, next_after: null};
};

const answerOf = (network: FakeNetwork, {pathname, searchParams}: URL): unknown => {
	switch (pathname) {
		case routes.stats.path:
			return {success: true, stats: network.stats};
		case routes.nodes.path:
			return {success: true, nodes: network.nodes, count: network.nodes.length};
		case routes.logs.path:
			return {success: true, logs: network.log, next_before: null};
		case routes.files.path:
			return filesPage(network, searchParams);
		default:
			return replicationOf(network, pathname);
	}
};

export const startFakeCoordinator = async (network: FakeNetwork): Promise<FakeCoordinator> => {
	const listeners = new Set<ServerResponse>();
	let sent = 0;

	const listen = (response: ServerResponse) => {
		listeners.add(response);
		response.on('close', () => listeners.delete(response));
		response.writeHead(200, {'content-type': 'text/event-stream'});
		response.write(`id: bench-${sent}\n\n`);
	};

	const server = createServer((request, response) => {
		const url = new URL(request.url ?? '/', 'http://127.0.0.1');
		if (url.pathname === routes.events.path) {
			listen(response);
			return;
		}

		const answer = answerOf(network, url);
		response.writeHead(answer === undefined ? 404 : 200, {'content-type': 'application/json'});
		response.end(JSON.stringify(answer ?? {success: false, error: 'The bench has none', code: 'NOT_FOUND'}));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');

	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		send(name, data) {
			sent++;
			for (const listener of listeners) {
				listener.write(`id: bench-${sent}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
			}
		},
		async stop() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
};
