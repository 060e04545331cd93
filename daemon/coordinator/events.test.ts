import {once} from 'node:events';
import {createServer, get, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';
import test from 'ava';
import type {EventData} from '../../source/protocol/events.js';
import {isPjasError} from '../../source/protocol/errors.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {chunkOf, fileIdOf, fileOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {manualClock} from '../testing/manual-clock.js';
import {createEvents, type EventsOptions} from './events.js';
import {createFileTeller} from './file-teller.js';
import {createFleet} from './fleet.js';
import {createShardHealth} from './shard-health.js';

const everybody = {kind: 'open'} as const;

type Message = {id?: string; event?: string; data: string};

/** Reads server-sent events as the standard says, but for carriage returns, of which there must be none. */
const parse = (text: string): Message[] => {
	if (text.includes('\r')) throw new Error('a carriage return');
	const messages: Message[] = [];
	for (const block of text.split('\n\n').slice(0, -1)) {
		const message: Message = {data: ''};
		for (const line of block.split('\n').filter(line => !line.startsWith(':'))) {
			const at = line.indexOf(': ');
			const [field, value] = [line.slice(0, at), line.slice(at + 2)];
			if (field === 'data') message.data += value;
			else if (field === 'id' || field === 'event') message[field] = value;
			else if (field !== 'retry') throw new Error(`an unknown field: ${line}`);
		}

		if (message.data !== '') messages.push(message);
	}

	return messages;
};

const removed = (number: number): EventData<'file-removed'> => ({
	file_id: String(number).padStart(32, '0'),
});

const numberOf = ({data}: Message) => Number((JSON.parse(data) as EventData<'file-removed'>).file_id);

const create = (options: Partial<EventsOptions> = {}) => {
	const clock = manualClock();
	return {clock, events: createEvents({bootId: 'boot-a', clock, ...options})};
};

const turn = async () => new Promise(resolve => setImmediate(() => setImmediate(resolve)));

test('a subscriber gets what is published from then on, in order', t => {
	const {events} = create();
	events.publish('file-removed', removed(1));
	const subscription = events.subscribe(undefined, everybody);
	t.is(subscription.take(), '');
	events.publish('file-removed', removed(2));
	events.publish('file-removed', removed(3));
	const messages = parse(subscription.take());
	t.deepEqual(messages.map(numberOf), [2, 3]);
	t.deepEqual(
		messages.map(({id, event}) => [id, event]),
		[
			['boot-a-2', 'file-removed'],
			['boot-a-3', 'file-removed'],
		],
	);
	t.is(subscription.take(), '');
});

test('who names an event that is still known gets all that came after it', t => {
	const {events} = create({capacity: 10});
	for (let number = 1; number <= 25; number++) events.publish('file-removed', removed(number));
	for (let seen = 15; seen <= 25; seen++) {
		const messages = parse(events.subscribe(`boot-a-${seen}`, everybody).take());
		t.deepEqual(
			messages.map(numberOf),
			Array.from({length: 25 - seen}, (_, index) => seen + 1 + index),
		);
	}
});

test('who names a lost event, another start or nonsense is reset, and goes on from there', t => {
	const {events} = create({capacity: 10});
	for (let number = 1; number <= 25; number++) events.publish('file-removed', removed(number));
	const strange = ['boot-a-14', 'boot-a-0', 'boot-a-26', 'boot-b-20', 'boot-a', 'boot-a-', '', '20', 'boot-a-2e1'];
	for (const id of [...strange, 'boot-a--3', 'boot-a-0x14', 'boot-a-99999999999999999999', '☃'.repeat(100)]) {
		const subscription = events.subscribe(id, everybody);
		t.deepEqual(parse(subscription.take()), [{id: 'boot-a-25', event: 'reset', data: '{}'}], id);
		t.is(subscription.take(), '');
	}

	const empty = createEvents({bootId: 'boot-b', clock: manualClock()});
	t.deepEqual(parse(empty.subscribe('boot-a-25', everybody).take()), [{id: 'boot-b-0', event: 'reset', data: '{}'}]);
	t.is(empty.subscribe('boot-b-0', everybody).take(), '');
});

test('a slow subscriber is reset instead of growing memory, and then goes on', t => {
	const {events} = create({capacity: 10});
	const subscription = events.subscribe(undefined, everybody);
	for (let number = 1; number <= 100_000; number++) events.publish('file-removed', removed(number));
	t.deepEqual(parse(subscription.take()), [{id: 'boot-a-100000', event: 'reset', data: '{}'}]);
	events.publish('file-removed', removed(7));
	t.deepEqual(parse(subscription.take()).map(numberOf), [7]);
});

test('large events push others out of memory', t => {
	const {events} = create();
	const subscription = events.subscribe(undefined, everybody);
	const entry = {id: 1, timestamp: '', timestamp_ms: 0, level: 'INFO' as const, message: 'x'.repeat(100_000)};
	for (let number = 1; number <= 200; number++) events.publish('log', entry);
	t.is(parse(subscription.take())[0]?.event, 'reset');
	events.publish('log', {...entry, message: 'x'.repeat(20_000_000)});
	t.is(parse(subscription.take())[0]?.event, 'reset');
	events.publish('file-removed', removed(2));
	t.deepEqual(parse(subscription.take()).map(numberOf), [2]);
});

test('much is taken in pieces', t => {
	const {events} = create();
	const subscription = events.subscribe(undefined, everybody);
	for (let number = 1; number <= 1000; number++) events.publish('file-removed', removed(number));
	const seen: number[] = [];
	for (let text = subscription.take(); text !== ''; text = subscription.take()) {
		t.true(text.length < 70_000);
		seen.push(...parse(text).map(numberOf));
	}

	t.deepEqual(
		seen,
		Array.from({length: 1000}, (_, index) => index + 1),
	);
});

test('news are told once for all that is published in a turn', async t => {
	const {events} = create();
	let told = 0;
	const subscription = events.subscribe(undefined, everybody, () => (told += 1));
	for (let number = 1; number <= 100; number++) events.publish('file-removed', removed(number));
	t.is(told, 0);
	await turn();
	t.is(told, 1);
	subscription.close();
	events.publish('file-removed', removed(101));
	await turn();
	t.is(told, 1);
});

test('there are so many subscribers and no more', t => {
	const {events} = create({mostSubscribers: 3});
	const all = [1, 2, 3].map(() => events.subscribe(undefined, everybody));
	const error = t.throws(() => events.subscribe(undefined, everybody));
	t.true(isPjasError(error, 'TOO_MANY_REQUESTS') && error.retryAfterSeconds !== undefined);
	const {signal} = new AbortController();
	t.true(isPjasError(t.throws(() => events.toStream(undefined, everybody, signal))));
	all[0]?.close();
	all[0]?.close();
	t.is(events.subscribers, 2);
	events.subscribe(undefined, everybody);
	t.is(events.subscribers, 3);
});

test('the stream is server-sent events over HTTP, with a comment every 15 seconds', async t => {
	const {events, clock} = create();
	const server = createServer((request, response) => {
		const gone = new AbortController();
		response.once('close', () => gone.abort());
		response.writeHead(200, {'content-type': 'text/event-stream'});
		events.toStream(request.headers['last-event-id'] as string | undefined, everybody, gone.signal).pipe(response);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const {port} = server.address() as AddressInfo;
	const call = async (lastEventId?: string): Promise<IncomingMessage> => {
		const headers = lastEventId === undefined ? {} : {'last-event-id': lastEventId};
		const [response] = (await once(get({port, host: '127.0.0.1', headers, agent: false}), 'response')) as [
			IncomingMessage,
		];
		return response.setEncoding('utf8');
	};

	events.publish('file-removed', removed(1));
	const response = await call();
	let text = '';
	response.on('data', (piece: string) => (text += piece));
	const has = async (part: string) => {
		while (!text.includes(part)) await once(response, 'data');
	};

	await has('retry: 2000\nid: boot-a-1\n\n');
	events.publish('log', {id: 1, timestamp: '', timestamp_ms: 0, level: 'INFO', message: 'two\nlines\r\nand\u2028more'});
	await has('\n\nid: boot-a-2\nevent: log\n');
	const [message] = parse(text);
	t.is((JSON.parse(message?.data ?? '') as EventData<'log'>).message, 'two\nlines\r\nand\u2028more');
	await clock.advance(15_000);
	await has(': still here\n\n');
	t.is(clock.sleepers(), 1);

	const resumed = await call('boot-a-1');
	const [piece] = (await once(resumed, 'data')) as [string];
	t.true(piece.startsWith('retry: 2000\n\nid: boot-a-2\n'), piece);
	t.is(events.subscribers, 2);

	resumed.destroy();
	response.destroy();
	while (events.subscribers > 0) await turn();
	await turn();
	t.is(clock.sleepers(), 0);
});

test('a stream that nobody reads holds little and is reset when it is read', async t => {
	const {events, clock} = create({capacity: 50});
	const stream = events.toStream(undefined, everybody, new AbortController().signal);
	const piece = 'x'.repeat(1000);
	for (let number = 1; number <= 500; number++) {
		events.publish('log', {id: number, timestamp: '', timestamp_ms: 0, level: 'INFO', message: piece});
		if (number % 20 === 0) await turn();
		if (number % 100 === 0) await clock.advance(60_000);
	}

	t.true(stream.readableLength < 100_000, `${stream.readableLength}`);
	let text = '';
	stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
	await turn();
	await turn();
	const messages = parse(text);
	t.is(messages.filter(({event}) => event === 'reset').length, 1);
	t.is(messages.at(-1)?.event, 'reset');
	events.publish('file-removed', removed(3));
	await turn();
	t.deepEqual(parse(text).slice(-1).map(numberOf), [3]);
	stream.destroy();
	await once(stream, 'close');
	t.is(events.subscribers, 0);
});

test('a stream ends when its signal is aborted', async t => {
	const {events, clock} = create();
	const controller = new AbortController();
	const [first, second] = [
		events.toStream(undefined, everybody, controller.signal),
		events.toStream(undefined, everybody, AbortSignal.abort()),
	];
	t.is(events.subscribers, 1);
	t.is(parse(await textOf(second)).length, 0);
	events.publish('file-removed', removed(1));
	await turn();
	controller.abort();
	t.deepEqual(parse(await textOf(first)).map(numberOf), [1]);
	t.is(events.subscribers, 0);
	await turn();
	t.is(clock.sleepers(), 0);
	events.publish('file-removed', removed(2));
});

test('a file whose shards come and go is told once a step, as it is then', async t => {
	const {clock, events} = create();
	const catalog = memoryCatalog();
	const store = new MemoryShards();
	const fleet = createFleet({dial: () => store, clock});
	for (const number of [1, 2, 3]) fleet.set(nodeOf(number)).isOnline = true;
	const teller = createFileTeller({catalog, fleet, events});
	const health = createShardHealth({
		catalog,
		clock,
		onFault: () => undefined,
		onChange: ({file}) => teller.changed(file),
	});
	const chunks = [0, 1, 2].map(index => chunkOf(1, index));
	await catalog.commitUpload(fileOf(1), chunks);
	await catalog.commitUpload(fileOf(2), [chunkOf(2, 0)]);
	const subscription = events.subscribe(undefined, everybody);
	const told = async () => {
		await teller.step(new AbortController().signal);
		return parse(subscription.take()).map(({data}) => JSON.parse(data) as EventData<'file'>);
	};
	const find = async (result: 'ok' | 'missing' | 'corrupt') => {
		for (const {_id, shards} of chunks) {
			for (const {node, digest} of shards.slice(1)) await health.record(_id, [{node, digest, result}]);
		}
	};

	await find('ok');
	t.deepEqual(await told(), [], 'nothing changed but dates');
	await find('missing');
	const [lost, ...others] = await told();
	t.like(lost, {file_id: fileIdOf(1), redundancy: {full: 0, partly: 3, none: 0}});
	t.deepEqual(others, []);
	await find('corrupt');
	t.deepEqual(await told(), [], 'as few as before');
	await find('ok');
	t.deepEqual(
		(await told()).map(({redundancy}) => redundancy),
		[{full: 3, partly: 0, none: 0}],
	);
	await find('missing');
	await catalog.removeFile(fileIdOf(1));
	t.deepEqual(await told(), [], 'it is gone');
});

test('many files whose shards changed are told bit by bit, each of them', async t => {
	const {clock, events} = create();
	const catalog = memoryCatalog();
	const store = new MemoryShards();
	const teller = createFileTeller({catalog, fleet: createFleet({dial: () => store, clock}), events});
	const numbers = Array.from({length: 450}, (_, at) => at + 1);
	for (const number of numbers) {
		await catalog.putFile(fileOf(number));
		teller.changed(fileIdOf(number));
	}

	const subscription = events.subscribe(undefined, everybody);
	const told: string[][] = [];
	for (let step = 0; step < 4; step++) {
		await teller.step(new AbortController().signal);
		const messages: Message[] = [];
		for (let text = subscription.take(); text !== ''; text = subscription.take()) messages.push(...parse(text));
		told.push(messages.map(({data}) => (JSON.parse(data) as EventData<'file'>).file_id));
	}

	t.deepEqual(
		told.map(({length}) => length),
		[200, 200, 50, 0],
	);
	t.deepEqual(told.flat(), numbers.map(fileIdOf));
});
