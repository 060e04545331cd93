import {createParser, type EventSourceMessage} from 'eventsource-parser';
import {type EventName, eventSchemas} from '../protocol/events.js';
import type {ApiEvent, EventsOptions} from './contract.js';
import {UnreachableError} from './errors.js';
import type {Http} from './http.js';
import {assertStatus, parseJson, quote, strange} from './read-answer.js';

const isEventName = (name: string | undefined): name is EventName =>
	name !== undefined && Object.hasOwn(eventSchemas, name);

/** Checks an event. One of a name that is not known is `undefined`: newer coordinators tell more. */
const toEvent = (target: string, message: EventSourceMessage, id: string): ApiEvent | undefined => {
	const {event: name, data} = message;
	if (!isEventName(name)) return undefined;
	const result = eventSchemas[name].safeParse(parseJson(data));
	if (!result.success) throw strange(target, `the event ${quote(`${name} ${data}`)}`, result.error);
	return {id, name, data: result.data} as ApiEvent;
};

/** Finds the id in the first block of a stream, which has no event and which the parser therefore keeps for itself. */
const createFirstId = (onId: (id: string) => void, mostCharacters: number) => {
	let head: string | undefined = '';
	return (text: string) => {
		if (head === undefined) return;
		head += text;
		const [block = '', next] = head.split(/\r?\n\r?\n/, 2);
		if (next === undefined && head.length < mostCharacters) return;
		const id = /^id: ?([^\r\n\0]+)/m.exec(block)?.[1];
		head = undefined;
		if (id !== undefined) onId(id);
	};
};

/** All that changes; see `Api`. */
export async function* readEvents(http: Http, options: EventsOptions): AsyncGenerator<ApiEvent> {
	const {lastEventId, signal, onOpen, onId} = options;
	const {silenceMs, lineCharacters} = http.limits;
	const headers = {accept: 'text/event-stream', ...(lastEventId !== undefined && {'last-event-id': lastEventId})};
	const answer = await http.call({name: 'events', headers, signal, quietMs: silenceMs});
	await assertStatus(http, answer);
	const {target} = answer;
	const type = answer.header('content-type') ?? '';
	if (!/^text\/event-stream\b/i.test(type)) {
		answer.close();
		throw strange(target, `the type ${quote(type)}`);
	}

	const messages: EventSourceMessage[] = [];
	let isTooLong = false;
	const parser = createParser({
		maxBufferSize: lineCharacters,
		onEvent: message => messages.push(message),
		onError({type: kind}) {
			isTooLong ||= kind === 'max-buffer-size-exceeded';
		},
	});
	const decoder = new TextDecoder();
	let lastId = lastEventId ?? '';
	const noteId = (id: string) => {
		lastId = id;
		onId?.(id);
	};
	const takeFirstId = createFirstId(noteId, lineCharacters);

	onOpen?.();
	for await (const piece of answer.pieces()) {
		const text = decoder.decode(piece, {stream: true});
		takeFirstId(text);
		parser.feed(text);
		for (const message of messages.splice(0)) {
			const id = message.id ?? lastId;
			const event = toEvent(target, message, id);
			if (event) yield event;
			if (message.id !== undefined) noteId(message.id);
		}

		// eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- `feed` may have called `onError`
		if (isTooLong) throw strange(target, `an event of more than ${lineCharacters} characters`);
	}

	throw new UnreachableError(`${http.url} ended the stream of events`);
}
