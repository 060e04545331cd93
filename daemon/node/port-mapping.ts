import {isIP} from 'node:net';
import {followSignal} from '../core/follow-signal.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {LEASE_MS, type NatGateway} from './nat-gateway.js';

export type PortMapping = {
	/** The base URL that leads to this node through the router; none while there is none. */
	address: () => string | undefined;
	/** Calls somebody when it is another. */
	onChange: (listener: () => void) => void;
	/** Has the router lead to this node, until the signal is aborted. It goes on where no router answers. */
	run: (signal: AbortSignal) => Promise<void>;
};

type PortMappingOptions = {
	/** The port that this node listens on. */
	port: number;
	isTls: boolean;
	open: () => Promise<NatGateway>;
	log: Log;
	clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
	random: Pick<Random, 'float'>;
};

const RENEW_MS = LEASE_MS / 2;
/** A machine may be carried elsewhere, and a router may start again. */
const AGAIN_MS = 5 * 60 * 1000;
/** A router that takes longer hangs. */
const LONGEST_ASK_MS = 15_000;
const LONGEST_UNMAP_MS = 3_000;
const FIRST_OTHER_PORT = 20_000;
const OTHER_PORTS = 40_000;

const noRouter =
	'no router here leads a port to this node (asked by UPnP and NAT-PMP): it goes on over links. Many routers have to be told first that they may';

/** Whether an address is one that somebody else may be led to. */
const isOutside = (ip: string | undefined): ip is string =>
	ip !== undefined && isIP(ip) !== 0 && ip !== '0.0.0.0' && ip !== '::';

export const createPortMapping = (options: PortMappingOptions): PortMapping => {
	const {port, isTls, open, log, clock, random} = options;
	let mapped: {ip: string; publicPort: number; endsMs: number} | undefined;
	let gateway: NatGateway | undefined;
	const listeners: (() => void)[] = [];

	const isHeld = () => mapped !== undefined && clock.monotonicMs() < mapped.endsMs;
	const address = () => {
		if (!mapped || !isHeld()) return undefined;
		const {ip, publicPort} = mapped;
		return `${isTls ? 'https' : 'http'}://${isIP(ip) === 6 ? `[${ip}]` : ip}:${publicPort}`;
	};

	/** What comes of it in time; nothing where it fails, or takes too long. */
	const inTime = async <Value>(
		work: () => Promise<Value>,
		longestMs: number,
		signal?: AbortSignal,
	): Promise<Value | undefined> => {
		const {controller, release} = followSignal(signal ?? new AbortController().signal);
		const over = clock.sleep(longestMs, controller.signal).then(
			() => undefined,
			() => undefined,
		);
		try {
			return await Promise.race([work().catch(() => undefined), over]);
		} finally {
			controller.abort(new Error('it is over'));
			release();
		}
	};

	/** The port that it had, its own, or some other: another machine may have that one. */
	const ports = (): number[] => {
		const other = () => FIRST_OTHER_PORT + Math.floor(random.float() * OTHER_PORTS);
		return [...new Set([...(mapped ? [mapped.publicPort] : []), port, other(), other()])];
	};

	const ask = async (signal: AbortSignal): Promise<boolean> => {
		gateway ??= await inTime(open, LONGEST_ASK_MS, signal);
		const asked = gateway;
		const ip = asked && (await inTime(asked.externalIp, LONGEST_ASK_MS, signal));
		if (!asked || !isOutside(ip)) return false;
		for (const publicPort of ports()) {
			if (signal.aborted) return false;
			const endsMs = clock.monotonicMs() + LEASE_MS;
			if ((await inTime(async () => asked.map(publicPort, port), LONGEST_ASK_MS, signal)) !== true) continue;
			mapped = {ip, publicPort, endsMs};
			return true;
		}

		return false;
	};

	const letGo = async (): Promise<void> => {
		const held = gateway;
		gateway = undefined;
		if (held) await inTime(held.close, LONGEST_UNMAP_MS);
	};

	const end = async (): Promise<void> => {
		const [held, last] = [gateway, mapped];
		mapped = undefined;
		if (held && last) await inTime(async () => held.unmap(last.publicPort, port), LONGEST_UNMAP_MS);
		await letGo();
	};

	let told: string | undefined;
	const tell = () => {
		const now = address();
		if (now === undefined && told !== noRouter) log.warn(noRouter);
		else if (now !== undefined && told !== now) log.info(`the router leads ${now} to this node`, {port});
		if (now !== told) for (const listener of listeners) listener();
		told = now ?? noRouter;
	};

	return {
		address,
		onChange: listener => void listeners.push(listener),
		async run(signal) {
			const isOver = () => signal.aborted;
			while (!isOver()) {
				const isMapped = await ask(signal);
				if (isOver()) break;
				tell();
				// What failed is asked anew, by sockets of the network that this machine is in then.
				if (!isHeld()) await letGo();
				await clock.sleep(isMapped ? RENEW_MS : AGAIN_MS, signal).catch(() => undefined);
			}

			await end();
		},
	};
};
