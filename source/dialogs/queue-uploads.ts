import type {Console} from '../console/view.js';

/** Queues uploads and says how many there are: a folder may hold many. */
export const queueUploads = (console: Console, paths: readonly string[], {isSealed = false} = {}): void => {
	const {transfers} = console;
	const run = async () => {
		const lastId = transfers.get().reduce((last, {id}) => Math.max(last, id), 0);
		if (paths.length > 1) console.notice({tone: 'info', text: 'Looking for the files to upload'});
		await transfers.upload(paths, {isSealed});
		const isOurs = (target: string) => paths.some(each => target === each || target.startsWith(`${each}/`));
		const queued = transfers.get().filter(({id, kind, path}) => id > lastId && kind === 'upload' && isOurs(path));
		const failed = queued.filter(({state}) => state === 'failed').length;
		const count = queued.length - failed;
		const unread = failed === 0 ? '' : `, ${failed} can't be read`;
		console.notice({
			tone: failed === 0 ? 'info' : 'warn',
			text: `${count} file${count === 1 ? '' : 's'} queued${isSealed ? ', sealed end to end' : ''}${unread}: 4 shows them`,
		});
	};
	console.run({id: 'upload', run});
};
