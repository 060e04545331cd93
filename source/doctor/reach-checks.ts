import type {Answered, Ask} from './ask.js';
import {codeOf, type Finding, findingsOf} from './finding.js';

/** What can stand between a node or a console and a coordinator. */

/** A coordinator that answered, and when: by the clock here, in the middle between question and answer. */
export type FoundCoordinator = {answer: Answered; askedAtMs: number};

const DOUBTFUL_CLOCK_MS = 10_000;

/** Where the coordinator says that it is well. */
const healthOf = (coordinatorUrl: string) => `${coordinatorUrl.replace(/\/+$/, '').replace(/\/api$/, '')}/health`;

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

/**
Whether a coordinator is where it should be.

@param setting - What its address is called where it is set.
*/
export const checkCoordinator = async (
	coordinatorUrl: string,
	io: {now: () => number; ask: Ask},
	setting = 'coordinator_url',
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
			const remedy = `Put its own address in ${setting}: ${answer.header('location') ?? 'it does not say which'}`;
			return {finding: wrong(`It sends on to another address (${status})`, remedy)};
		}

		if (status !== 200 || jsonOf(text)['status'] !== 'healthy') {
			const remedy = `Check ${setting}: this address is of something else, a tunnel that is down perhaps`;
			return {finding: wrong(`What answers is no coordinator (${status})`, remedy)};
		}

		return {finding: fine('It answers'), found: {answer, askedAtMs}};
	} catch (error) {
		const {seen, remedy} = silenceOf(error);
		return {finding: wrong(seen, `${remedy}. The address is ${setting}: ${coordinatorUrl}`)};
	}
};

/** How far the clock here is from the coordinator's. `wrongMs`: with more than that it does not work. */
export const checkClock = ({answer, askedAtMs}: FoundCoordinator, {wrongMs}: {wrongMs: number}): Finding => {
	const {fine, warning, wrong, skipped} = findingsOf('clock', "Compared the clock here with the coordinator's");
	const {timestamp} = jsonOf(answer.text);
	const toldMs = typeof timestamp === 'number' ? timestamp : Date.parse(answer.header('date') ?? '');
	if (Number.isNaN(toldMs)) return skipped('It does not say what time it has');
	const aheadMs = askedAtMs - toldMs;
	const seconds = Math.round(Math.abs(aheadMs) / 1000);
	const seen = `It is ${seconds} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the coordinator's`;
	const remedy = 'Set the clock by the network: timedatectl set-ntp true (or chrony, ntpd). One of the two is wrong';
	if (Math.abs(aheadMs) > wrongMs) return wrong(seen, remedy);
	return Math.abs(aheadMs) > DOUBTFUL_CLOCK_MS ? warning(seen, remedy) : fine(`They are ${seconds} s apart`);
};
