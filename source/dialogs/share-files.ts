import type {FileView} from '../client/contract.js';
import type {Console, View} from '../console/view.js';
import {readersText} from '../format-readers.js';
import {accountNamePattern, visibilities} from '../protocol/people.js';
import {printable, truncate} from '../terminal/text.js';
import {createConfirm} from './confirm.js';
import {createForm} from './form.js';

type Access = Pick<FileView, 'visibility' | 'shared_with'>;

const NAME_WIDTH = 40;

const namesIn = (text = ''): string[] => [...new Set(text.split(/[\s,]+/).filter(name => name !== ''))];

const consequence: Record<FileView['visibility'], string> = {
	private: 'Nobody else may read',
	network: 'Everybody who is signed in may read',
	public: 'EVERYBODY who has the address may read, also without an account:',
};

/** What the change comes to, in a sentence. */
const sentenceOf = ({visibility, shared_with: names}: Access, what: string): string => {
	const shared = names.length === 0 ? '' : `; ${names.join(', ')} may`;
	return `${consequence[visibility]} ${what}${shared}.`;
};

/** Several are changed one after another; the first that can't be ends it. */
const change = async (console: Console, files: readonly FileView[], access: Access) => {
	let done = 0;
	try {
		for (const file of files) {
			await console.api.changeFile(file.file_id, access);
			done++;
		}
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		throw new Error(files.length === 1 ? reason : `${done} of ${files.length} changed. ${reason}`, {cause: error});
	}

	console.notice({tone: 'ok', text: `Readers: ${readersText(access)}`});
};

/** Asks who may read files, says what that comes to, and does it once that was answered with yes. */
export const createShareDialog = (console: Console, files: readonly FileView[]): View => {
	const [first] = files;
	const name = truncate(printable(first?.filename ?? ''), NAME_WIDTH, console.theme.glyphs.ellipsis);
	const what = files.length === 1 ? name : `these ${files.length} files`;
	return createForm(console, {
		title: files.length === 1 ? 'Who may read the file' : `Who may read ${files.length} files`,
		lines: files.length === 1 ? [name] : [],
		fields: [
			{name: 'visibility', label: 'Readers', initial: first?.visibility ?? 'private', choices: visibilities},
			{name: 'with', label: 'And', initial: first?.shared_with.join(', ') ?? '', hint: 'names of accounts'},
		],
		yes: 'goes on',
		problem(values) {
			const wrong = namesIn(values['with']).find(each => !accountNamePattern.test(each));
			return wrong === undefined ? undefined : `${printable(wrong)} is no name of an account`;
		},
		run(values) {
			const access: Access = {
				visibility: values['visibility'] as FileView['visibility'],
				shared_with: namesIn(values['with']),
			};
			console.open(
				createConfirm(console, {
					title: 'Who may read',
					lines: [sentenceOf(access, what)],
					yes: 'so be it',
					run: async () => change(console, files, access),
				}),
			);
		},
	});
};
