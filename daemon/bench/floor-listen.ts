import type {Server} from 'node:http';
import type {AddressInfo} from 'node:net';

/** Listens on a free port of the loopback, tells it to the parent, and ends with the parent. */
export const listen = (server: Server): void => {
	server.keepAliveTimeout = 600_000;
	server.requestTimeout = 0;
	server.listen(0, '127.0.0.1', () => process.send?.({port: (server.address() as AddressInfo).port}));
	process.on('disconnect', () => process.exit());
};
