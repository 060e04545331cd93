import {apiOf} from '../node/address.js';
import {reasonIn} from '../node/answer.js';
import {parseJoinCode} from '../trust/join-code.js';
import {type Finding, findingsOf} from '../../source/doctor/finding.js';
import type {DoctorIo} from './io.js';
import {silenceOf} from '../../source/doctor/reach-checks.js';

/** Whether a node could join with its code. The coordinator is asked by the code's hash, and takes no use of it. */
export const checkJoinCode = async (
	{code, coordinatorUrl, hasJoined}: {code: string; coordinatorUrl: string; hasJoined: boolean},
	io: Pick<DoctorIo, 'ask'>,
): Promise<Finding> => {
	const {fine, warning, wrong, skipped} = findingsOf(
		'join-code',
		'Asked the coordinator whether the join code is good',
	);
	if (hasJoined) return skipped('This node has joined already: a code is needed once');
	const parsed = parseJoinCode(code);
	if (!parsed) return wrong('It is no whole code', 'Copy all of it, or ask for another one');
	try {
		const {status, text} = await io.ask(`${apiOf(coordinatorUrl)}/nodes/invitations/check`, {
			method: 'POST',
			headers: {'content-type': 'application/json'},
			body: JSON.stringify({id: parsed.id, coordinator: parsed.coordinator}),
		});
		if (status === 200) return fine('It is good');
		if (status === 403) {
			const remedy = 'Check that coordinator_url is of the network that the code is for, or ask for another code';
			return wrong(`${reasonIn(text) ?? 'It is refused'} (403)`, remedy);
		}

		if (status === 404) return skipped('The coordinator is of a version that does not say');
		return warning(`It answers ${status}: ${reasonIn(text) ?? 'no reason'}`, 'Try again in a moment');
	} catch (error) {
		return skipped(silenceOf(error).seen);
	}
};
