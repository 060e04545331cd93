import type {Log} from '../../ports/log.js';
import type {AlertFile, AlertRecord} from './alert-file.js';

/** What is open and what is still to be told, as it is now. */
export type AlertBook = {
	get: () => AlertRecord;
	/**
	Changes it at once, and writes it down. A disk that refuses keeps nobody from being told, of that least of all: it is said
	in the log, and what was not written is written with the next change.
	*/
	change: (next: (record: AlertRecord) => AlertRecord) => Promise<void>;
};

export const openAlertBook = async (file: AlertFile, log: Log): Promise<AlertBook> => {
	let record = await file.read();
	let writing: Promise<void> = Promise.resolve();
	let isFailing = false;

	const write = async () => {
		try {
			await file.write(record);
			isFailing = false;
		} catch (error) {
			if (!isFailing) log.warn('alerts can not be written down: after a restart some are told again', {error});
			isFailing = true;
		}
	};

	return {
		get: () => record,
		async change(next) {
			record = next(record);
			writing = writing.then(write);
			await writing;
		},
	};
};
