import type {Answered} from '../../source/doctor/ask.js';
import {codeOf, type Finding, findingsOf} from '../../source/doctor/finding.js';
import type {DoctorIo} from './io.js';

/** What can stand between a port here and whoever asks there. */

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
