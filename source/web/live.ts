import {type EventData, type EventName, eventSchemas} from '../protocol/events.js';
import {pathOf} from '../protocol/routes.js';
import {ask} from './session.js';
import {createStore} from './store.js';

/** How the page hears of what changes: by the events that the console hears too. */
export const line = createStore<'opening' | 'open' | 'broken'>('opening');

type Handler<Name extends EventName> = (data: EventData<Name>) => void;
const handlers = new Map<EventName, Set<(data: never) => void>>();
let source: EventSource | undefined;

/** A browser gives up for good where the answer is an error; then it is tried again, no faster than this. */
const AGAIN_MS = 5_000;

const names = Object.keys(eventSchemas) as EventName[];

const tell = (name: EventName, text: string) => {
	const interested = handlers.get(name);
	if (!interested?.size) return;
	const parsed = eventSchemas[name].safeParse(parseJson(text));
	// A coordinator that is newer than this page may say more than it knows.
	// The compiler can't follow that schema and handlers are of one name, by which both were looked up.
	if (parsed.success) for (const handler of interested) handler(parsed.data as never);
};

const parseJson = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

/** Hears of events from now on. */
export const on = <Name extends EventName>(name: Name, handler: Handler<Name>): (() => void) => {
	const interested = handlers.get(name) ?? new Set();
	handlers.set(name, interested);
	interested.add(handler);
	return () => interested.delete(handler);
};

/** Opens the line; it mends itself until it is closed. */
export const openLine = (): (() => void) => {
	let timer: number | undefined;
	const open = () => {
		const opened = new EventSource(pathOf('events'));
		source = opened;
		opened.addEventListener('open', () => line.set('open'));
		opened.addEventListener('error', () => {
			if (source !== opened) return;
			line.set('broken');
			if (opened.readyState !== EventSource.CLOSED) return;
			// Perhaps the session ended: whoever asks is told.
			void ask();
			timer = window.setTimeout(open, AGAIN_MS);
		});
		for (const name of names) {
			opened.addEventListener(name, event => {
				if (source === opened && event instanceof MessageEvent) tell(name, String(event.data));
			});
		}
	};
	open();
	return () => {
		window.clearTimeout(timer);
		source?.close();
		source = undefined;
		line.set('opening');
	};
};
