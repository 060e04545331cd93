/**
The worker through which the page has the browser save what it opens. It sees one folder of addresses only, in which nothing
else is: for each file a port over which the page gives it the pieces, one when the browser asks for more.
*/
type Handed = {address: string; headers: Record<string, string>};
type FetchEvent = Event & {request: Request; respondWith: (response: Response) => void};
type WorkerScope = EventTarget & {skipWaiting: () => Promise<void>};

const scope = self as unknown as WorkerScope;
const waiting = new Map<string, {port: MessagePort; headers: Record<string, string>}>();

scope.addEventListener('install', () => void scope.skipWaiting());

scope.addEventListener('message', event => {
	const {data, ports} = event as MessageEvent<Handed | 'alive'>;
	const [port] = ports;
	// A worker that hears nothing for a while is ended by the browser.
	if (data === 'alive' || !port) return;
	waiting.set(data.address, {port, headers: data.headers});
	port.postMessage('ready');
});

const bodyFrom = (port: MessagePort): ReadableStream<Uint8Array> => {
	let resolve: () => void = () => undefined;
	return new ReadableStream<Uint8Array>(
		{
			start(controller) {
				port.onmessage = ({data}: MessageEvent<Uint8Array | 'end' | 'broken'>) => {
					if (data === 'broken') controller.error(new Error('The page broke it off'));
					else if (data === 'end') controller.close();
					else controller.enqueue(data);
					resolve();
				};
			},
			async pull() {
				const isThere = new Promise<void>(done => (resolve = done));
				port.postMessage('more');
				return isThere;
			},
			cancel() {
				port.postMessage('stopped');
			},
		},
		{highWaterMark: 0},
	);
};

scope.addEventListener('fetch', event => {
	const {request, respondWith} = event as FetchEvent;
	const address = new URL(request.url).pathname;
	const handed = waiting.get(address);
	waiting.delete(address);
	const response = handed
		? new Response(bodyFrom(handed.port), {headers: handed.headers})
		: new Response('Nothing is saved from here any more', {status: 404});
	respondWith.call(event, response);
});
