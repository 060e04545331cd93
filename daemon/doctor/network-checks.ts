import {apiOf} from '../node/address.js';
import {MESSAGE_LIFE_SECONDS} from '../trust/node-messages.js';
import {codeOf, type Finding, findingsOf} from './finding.js';
import type {Answered, DoctorIo} from './io.js';

/** What can stand between a node or a console and a coordinator. */

/** A coordinator that answered, and when: by the clock here, in the middle between question and answer. */
export type FoundCoordinator = {answer: Answered; askedAtMs: number};

const WRONG_CLOCK_MS = MESSAGE_LIFE_SECONDS * 1000;
const DOUBTFUL_CLOCK_MS = 10_000;

/** Where the coordinator says that it is well. */
const healthOf = (coordinatorUrl: string) => `${apiOf(coordinatorUrl).replace(/\/api$/, '')}/health`;

const isCertificateProblem = (code: string) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);

/** Why no answer comes from an address, for the error that says so. */
export const silenceOf = (error: unknown): {seen: string; remedy: string} => {
	const code = codeOf(error);
	if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
		return {seen: `Its name is not known (${code})`, remedy: 'Check how the address is written, and the DNS here'};
	}

	if (code === 'ECONNREFUSED') {
		return {seen: 'Nothing listens there (ECONNREFUSED)', remedy: 'Start it, or check port and address'};
	}

	if (code === 'ETIMEDOUT' || code === 'ECONNABORTED') {
		return {seen: `No answer came in time (${code})`, remedy: 'Check firewalls and the line between here and there'};
	}

	if (isCertificateProblem(code)) {
		const remedy = 'Check its certificate and the clock here; a certificate of your own needs NODE_EXTRA_CA_CERTS';
		return {seen: `Its certificate is not accepted (${code})`, remedy};
	}

	return {seen: `It fails: ${code}`, remedy: 'Check the address, and the line between here and there'};
};

const jsonOf = (text: string): Record<string, unknown> => {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
};

/** Whether a coordinator is where it should be. */
export const checkCoordinator = async (
	coordinatorUrl: string,
	io: DoctorIo,
): Promise<{finding: Finding; found?: FoundCoordinator}> => {
	const url = healthOf(coordinatorUrl);
	const {fine, wrong, warning} = findingsOf('coordinator', `Asked ${url}`);
	try {
		const startMs = io.now();
		const answer = await io.ask(url);
		const askedAtMs = (startMs + io.now()) / 2;
		const {status, text} = answer;
		if (status === 503) {
			const remedy = 'Wait a moment; if it stays so, look at the log of the coordinator';
			return {finding: warning('It is there, and takes no requests now (503)', remedy)};
		}

		if (status >= 300 && status < 400) {
			const remedy = `Put its own address in coordinator_url: ${answer.header('location') ?? 'it does not say which'}`;
			return {finding: wrong(`It sends on to another address (${status})`, remedy)};
		}

		if (status !== 200 || jsonOf(text)['status'] !== 'healthy') {
			const remedy = 'Check coordinator_url: this address is of something else, a tunnel that is down perhaps';
			return {finding: wrong(`What answers is no coordinator (${status})`, remedy)};
		}

		return {finding: fine('It answers'), found: {answer, askedAtMs}};
	} catch (error) {
		const {seen, remedy} = silenceOf(error);
		return {finding: wrong(seen, `${remedy}. The address is coordinator_url: ${coordinatorUrl}`)};
	}
};

/** How far the clock here is from the coordinator's. */
export const checkClock = ({answer, askedAtMs}: FoundCoordinator): Finding => {
	const {fine, warning, wrong, skipped} = findingsOf('clock', "Compared the clock here with the coordinator's");
	const {timestamp} = jsonOf(answer.text);
	const toldMs = typeof timestamp === 'number' ? timestamp : Date.parse(answer.header('date') ?? '');
	if (Number.isNaN(toldMs)) return skipped('It does not say what time it has');
	const aheadMs = askedAtMs - toldMs;
	const seconds = Math.round(Math.abs(aheadMs) / 1000);
	const seen = `It is ${seconds} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the coordinator's`;
	const remedy = 'Set the clock by the network: timedatectl set-ntp true (or chrony, ntpd). One of the two is wrong';
	if (Math.abs(aheadMs) > WRONG_CLOCK_MS) return wrong(seen, remedy);
	return Math.abs(aheadMs) > DOUBTFUL_CLOCK_MS ? warning(seen, remedy) : fine(`They are ${seconds} s apart`);
};

export type PortState = {host: string; port: number; isTls: boolean};

const anyAddress = new Set(['0.0.0.0', '::']);
/** The address at which what listens on all of them is reached from here. */
export const localUrlOf = ({host, port, isTls}: PortState): string => {
	const reached =
		host === '::' ? '[::1]' : anyAddress.has(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
	return `${isTls ? 'https' : 'http'}://${reached}:${port}`;
};

/** Whether it can be listened on a port, by who holds it now. `isOurs` knows the answer of the part itself. */
export const checkPort = async (
	place: PortState,
	{path, isOurs, holder}: {path: string; isOurs: (answer: Answered) => boolean; holder: number | undefined},
	io: DoctorIo,
): Promise<Finding> => {
	const {host, port} = place;
	const {fine, warning, wrong} = findingsOf('port', `Listened on port ${port} of ${host}, and asked who is there`);
	try {
		const listening = await io.listen({host, port, text: ''});
		await listening.close();
		if (holder === undefined) return fine('It is free: nothing runs here now');
		if (port === 0) return fine('Any free port is taken, as --port 0 says');
		const remedy = `Look at the log of process ${holder}: it hangs, or was started with another port`;
		return wrong(`Process ${holder} has the folder open and does not listen here`, remedy);
	} catch (error) {
		const code = codeOf(error);
		if (code === 'EACCES')
			return wrong('It may not be listened on', 'Take a port above 1023, or allow the service this one');
		if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
			return wrong(
				`${host} is no address of this machine`,
				'Say one of its own with --host, or 0.0.0.0 for all of them',
			);
		}

		if (code !== 'EADDRINUSE') return wrong(`It can't be listened on: ${code}`, 'Check --host and --port');
		const url = localUrlOf(place);
		const answer = await io.ask(url + path).catch(() => undefined);
		if (answer && isOurs(answer) && holder !== undefined) return fine('The daemon is there, and answers');
		if (answer && isOurs(answer)) {
			const remedy = 'Name the folder of the one that runs; a second one needs a --port of its own';
			return warning('A daemon answers there, and none has this folder open: it is one with another folder', remedy);
		}

		const remedy = 'Stop the program that has it (ss -ltnp shows which), or take another --port';
		return wrong(`Another program has it${answer ? '' : ', and does not answer'}`, remedy);
	}
};
