import type {ErrorCode} from '../../source/protocol/errors.js';
import {isErrorCode, isPjasError, PjasError} from '../../source/protocol/errors.js';
import {type AskSafeToStop, type NodeSafeToStop, nodeSafeToStopSchema} from '../../source/protocol/healing-api.js';
import {followSignal} from '../core/follow-signal.js';
import type {Clock} from '../ports/clock.js';
import {type Exchange, isGood, type NodeIdentity} from './exchange.js';

/** Asks the coordinator whether this node can stop now. */
export type SafeToStop = () => Promise<NodeSafeToStop>;

export type SafeToStopOptions = {
	nodeId: string;
	/** Without these, as where the coordinator is of the prototype's kind, nobody can be asked. */
	asked: {exchange: Exchange; identity: NodeIdentity} | undefined;
	clock: Pick<Clock, 'timer'>;
	/** This node ends. */
	signal: AbortSignal;
};

/** Less than the member's program waits for. */
const LONGEST_MS = 8_000;

const olderCoordinator = () =>
	new PjasError(
		'OPERATION_UNSUPPORTED',
		'The coordinator is of an older version, which tells no node: its operator can ask (pjas-tui nodes safe-to-stop)',
	);

const unreached = (reason: string, cause: unknown) =>
	new PjasError(
		'COORDINATOR_UNREACHABLE',
		`The coordinator can't be asked now (${reason}): try again once it is there`,
		{
			cause,
		},
	);

const codeIn = (text: string): ErrorCode | undefined => {
	try {
		const {code} = JSON.parse(text) as {code?: unknown};
		return isErrorCode(code) ? code : undefined;
	} catch {
		return undefined;
	}
};

const answerIn = (text: string): NodeSafeToStop => {
	const {data} = nodeSafeToStopSchema.safeParse(JSON.parse(text));
	if (data) return data;
	throw new PjasError('NODE_FAILED', "The coordinator's answer is not what was agreed");
};

/** @throws {PjasError} why nobody can tell, and what to do. */
export const createSafeToStop = ({nodeId, asked, clock, signal}: SafeToStopOptions): SafeToStop => {
	const ask = async ({exchange, identity}: NonNullable<SafeToStopOptions['asked']>) => {
		const question: AskSafeToStop = {node_id: nodeId, trusts: [...identity.trust.keys().keys()]};
		const {controller, release} = followSignal(signal);
		const cancel = clock.timer(LONGEST_MS, () => controller.abort(new Error('no answer came in time')));
		try {
			return await exchange('safe-to-stop', JSON.stringify(question), controller.signal);
		} catch (error) {
			if (isPjasError(error)) throw error;
			const {code, message} = error as NodeJS.ErrnoException;
			const isLate = controller.signal.aborted;
			throw unreached(isLate ? 'no answer came in time' : (code ?? message), error);
		} finally {
			cancel();
			release();
		}
	};

	return async () => {
		if (!asked) throw new PjasError('OPERATION_UNSUPPORTED', 'This node has no coordinator that could tell');
		const {status, text, error} = await ask(asked);
		if (isGood(status)) return answerIn(text);
		const code = codeIn(text);
		if (code === 'ROUTE_NOT_FOUND' || code === 'METHOD_NOT_ALLOWED') throw olderCoordinator();
		if (code === undefined || error === undefined) throw unreached(`it answers ${status}`, undefined);
		throw new PjasError(code, error);
	};
};
