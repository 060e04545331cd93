import {createSocket, type RemoteInfo, type Socket} from 'node:dgram';
import {once} from 'node:events';
import {mkdirSync, writeFileSync} from 'node:fs';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import {type AddressInfo, connect, createServer as createTcpServer, type Server} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {text as textOf} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import {temporaryFolder} from './processes.js';

/**
A home router on loopback, which leads ports of 127.0.0.2 ("outside") to this machine: by UPnP, as an Internet Gateway Device of
version 1, or by NAT-PMP (RFC 6886).
*/
export type FakeGateway = {
	/** What it was asked to do, in order. */
	asked: string[];
	/** The ports of the outside that lead somewhere. */
	mapped: () => number[];
	/** Public ports that belong to another machine. */
	taken: Set<number>;
	/** Asked for something, it says nothing any more. */
	hang: () => void;
};

export const OUTSIDE = '127.0.0.2';
const SSDP_GROUP = '239.255.255.250';
const SSDP_PORT = 1900;
const PMP_PORT = 5351;
const DEVICE = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1';

const description = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>${DEVICE}</deviceType>
<serviceList><service><serviceType>${SERVICE}</serviceType><controlURL>/control</controlURL><SCPDURL>/scpd.xml</SCPDURL></service></serviceList>
</device></root>`;

const envelope = (body: string): string =>
	`<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;

const conflict = envelope(
	'<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError><errorCode>718</errorCode></UPnPError></detail></s:Fault>',
);

const fieldOf = (body: string, name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? '';

const closed = async (server: {close: (done: () => void) => unknown}) =>
	new Promise<void>(resolve => void server.close(resolve));

/** Leads ports of the outside to ports of this machine. */
const createForwarding = () => {
	const servers = new Map<number, Server>();
	return {
		servers,
		async open(publicPort: number, privatePort: number) {
			if (servers.has(publicPort)) return;
			const server = createTcpServer(socket => {
				const inner = connect(privatePort, '127.0.0.1');
				for (const [from, to] of [
					[socket, inner],
					[inner, socket],
				] as const) {
					from.pipe(to);
					from.once('error', () => to.destroy()).once('close', () => to.destroy());
				}
			});
			servers.set(publicPort, server);
			await once(server.listen(publicPort, OUTSIDE), 'listening');
		},
		async close(publicPort: number) {
			const server = servers.get(publicPort);
			servers.delete(publicPort);
			if (server) await closed(server);
		},
	};
};

type Forwarding = ReturnType<typeof createForwarding>;

const answerSoap = async (
	request: IncomingMessage,
	response: ServerResponse,
	{gateway, forwarding, isHanging}: {gateway: FakeGateway; forwarding: Forwarding; isHanging: () => boolean},
): Promise<void> => {
	const body = await textOf(request);
	if (isHanging()) return;
	response.setHeader('content-type', 'text/xml');
	if (request.method === 'GET') {
		response.end(description);
		return;
	}

	const action = /#(\w+)/.exec(String(request.headers['soapaction']))?.[1] ?? '';
	const [publicPort, privatePort] = [
		Number(fieldOf(body, 'NewExternalPort')),
		Number(fieldOf(body, 'NewInternalPort')),
	];
	gateway.asked.push(`${action} ${fieldOf(body, 'NewProtocol')} ${publicPort || ''}`.trim());
	if (action === 'AddPortMapping' && gateway.taken.has(publicPort)) {
		response.writeHead(500).end(conflict);
		return;
	}

	if (action === 'AddPortMapping') await forwarding.open(publicPort, privatePort);
	if (action === 'DeletePortMapping') await forwarding.close(publicPort);
	const field = action === 'GetExternalIPAddress' ? `<NewExternalIPAddress>${OUTSIDE}</NewExternalIPAddress>` : '';
	response.end(envelope(`<u:${action}Response xmlns:u="${SERVICE}">${field}</u:${action}Response>`));
};

/** Has this process take loopback for a line to others, so that it looks for routers there and nowhere else. */
const lookAtLoopback = (t: ExecutionContext): void => {
	const real = os.networkInterfaces;
	os.networkInterfaces = () => ({
		lo: (real()['lo'] ?? []).filter(({family}) => family === 'IPv4').map(each => ({...each, internal: false as never})),
	});
	t.teardown(() => {
		os.networkInterfaces = real;
	});
};

/** Has `ip` say that the way out leads over an address. */
const routeOver = (t: ExecutionContext, gateway: string | undefined): void => {
	const bin = path.join(temporaryFolder(t), 'bin');
	mkdirSync(bin);
	const line = gateway === undefined ? '' : `echo default via ${gateway} dev lo`;
	writeFileSync(path.join(bin, 'ip'), `#!/bin/sh\n${line}\n`, {mode: 0o755});
	const before = process.env['PATH'];
	process.env['PATH'] = `${bin}:${before ?? ''}`;
	t.teardown(() => {
		process.env['PATH'] = before;
	});
};

const answerPmp = async (
	message: Buffer,
	{gateway, forwarding}: {gateway: FakeGateway; forwarding: Forwarding},
): Promise<Buffer> => {
	const operation = message.readUInt8(1);
	const answer = Buffer.alloc(operation === 0 ? 12 : 16);
	answer.writeUInt8(128 + operation, 1);
	if (operation === 0) {
		gateway.asked.push('address');
		for (const [index, part] of OUTSIDE.split('.').entries()) answer.writeUInt8(Number(part), 8 + index);
		return answer;
	}

	const [privatePort, publicPort, seconds] = [
		message.readUInt16BE(4),
		message.readUInt16BE(6),
		message.readUInt32BE(8),
	];
	gateway.asked.push(`map ${publicPort} ${seconds}`);
	await (seconds === 0 ? forwarding.close(publicPort) : forwarding.open(publicPort, privatePort));
	answer.writeUInt16BE(privatePort, 8);
	answer.writeUInt16BE(publicPort, 10);
	answer.writeUInt32BE(seconds, 12);
	return answer;
};

const listenUdp = async (
	t: ExecutionContext,
	port: number,
	answer: (message: Buffer) => Promise<Buffer | undefined>,
): Promise<Socket> => {
	const socket = createSocket({type: 'udp4', reuseAddr: true});
	socket.on('message', (message: Buffer, from: RemoteInfo) => {
		void answer(message).then(bytes => bytes && socket.send(bytes, from.port, from.address));
	});
	socket.bind(port, port === PMP_PORT ? '127.0.0.1' : undefined);
	await once(socket, 'listening');
	t.teardown(async () => closed(socket));
	return socket;
};

/** `route`: what the machine takes for its way out, where that is no router of this one's making. */
export const startFakeGateway = async (
	t: ExecutionContext,
	{speaks, route}: {speaks: 'upnp' | 'nat-pmp' | 'nothing'; route?: string},
): Promise<FakeGateway> => {
	lookAtLoopback(t);
	routeOver(t, speaks === 'nat-pmp' ? '127.0.0.1' : route);
	const forwarding = createForwarding();
	let isHanging = false;
	const gateway: FakeGateway = {
		asked: [],
		mapped: () => [...forwarding.servers.keys()],
		taken: new Set(),
		hang() {
			isHanging = true;
		},
	};
	t.teardown(async () => {
		for (const port of forwarding.servers.keys()) await forwarding.close(port);
	});
	if (speaks === 'nat-pmp') {
		await listenUdp(t, PMP_PORT, async message => (isHanging ? undefined : answerPmp(message, {gateway, forwarding})));
	}

	if (speaks === 'upnp') {
		const server = createServer((request, response) => {
			void answerSoap(request, response, {gateway, forwarding, isHanging: () => isHanging});
		});
		await once(server.listen(0, '127.0.0.1'), 'listening');
		t.teardown(async () => {
			server.closeAllConnections();
			await closed(server);
		});
		const location = `http://127.0.0.1:${(server.address() as AddressInfo).port}/device.xml`;
		const found = `HTTP/1.1 200 OK\r\nST: ${DEVICE}\r\nUSN: uuid:fake::${DEVICE}\r\nLOCATION: ${location}\r\n\r\n`;
		const socket = await listenUdp(t, SSDP_PORT, async message =>
			Promise.resolve(message.includes(DEVICE) ? Buffer.from(found) : undefined),
		);
		socket.addMembership(SSDP_GROUP, '127.0.0.1');
	}

	return gateway;
};
