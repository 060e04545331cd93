import {execFileSync} from 'node:child_process';
import test from 'ava';
import type {FileView} from '../client/contract.js';
import {AnswerError} from '../client/errors.js';
import {formatRedundancy} from '../format.js';
import {displayWidth} from '../terminal/text.js';
import {commandNames, flagsOf} from './commands.js';
import {storedFiles} from './complete.js';
import {completionScripts} from './completion.js';
import type {CommandError} from './failures.js';
import {failureText} from './failures.js';
import {findFile} from './find-file.js';
import {helpText} from './help.js';
import {createProgress, formatSpan, progressLine} from './progress.js';
import {readRequest} from './request.js';

const idOf = (beginning: string) => beginning.padEnd(32, '0');

const fileOf = (id: string, filename: string): FileView => ({
	file_id: idOf(id),
	filename,
	size: 10,
	uploaded_at: 1_767_323_045_000,
	status: 'completed',
	chunks_count: 1,
	type: 'text/plain',
	owner: '',
	visibility: 'network',
	shared_with: [],
	redundancy: {full: 1, partly: 0, none: 0},
});

/** What a coordinator with these files answers, a few to a page. */
const sourceOf = (all: readonly FileView[], perPage = 2) => {
	const sorted = all.toSorted((a, b) => (a.file_id < b.file_id ? 1 : -1));
	return {
		async file(id: string) {
			const found = sorted.find(({file_id}) => file_id === id);
			if (!found) throw new AnswerError('File not found', {code: 'FILE_NOT_FOUND'});
			return Promise.resolve(found);
		},
		async files({limit, before, search = ''}: {limit: number; before?: string; search?: string}) {
			const matching = sorted.filter(({filename}) => filename.toLowerCase().includes(search.toLowerCase()));
			const rest = matching.filter(({file_id: id}) => before === undefined || id < before);
			const files = rest.slice(0, Math.min(perPage, limit));
			const next = rest.length > files.length ? (files.at(-1)?.file_id ?? null) : null;
			return Promise.resolve({
				success: true as const,
				files,
				count: files.length,
				total: matching.length,
				next_before: next,
			});
		},
	};
};

const files = [
	fileOf('abcd1', 'report.pdf'),
	fileOf('abcd2', 'old report.pdf'),
	fileOf('abce', 'twice'),
	fileOf('abcf', 'twice'),
	fileOf('b000', 'Report.pdf'),
	fileOf('c000', 'abcd2'),
	fileOf('d000', 'bell\u0007'),
	fileOf('e000', '-n'),
];

test('a file is found by its id, its exact name, or the beginning of its id', async t => {
	const source = sourceOf(files);
	const find = async (given: string) => (await findFile(source, given)).file_id;
	t.is(await find(idOf('abcd1')), idOf('abcd1'));
	t.is(await find(idOf('ABCD1')), idOf('abcd1'), 'in whatever case');
	t.is(await find('report.pdf'), idOf('abcd1'), 'not one that only contains it or has another case');
	t.is(await find('abce'), idOf('abce'));
	t.is(await find('abcd2'), idOf('c000'), 'a name wins over the beginning of an id');
	t.is(await find('bell\\u0007'), idOf('d000'), 'as the table shows it');
	t.is(await find('bell\u0007'), idOf('d000'));
});

test('a word for no file or for several is refused with what helps', async t => {
	const source = sourceOf(files);
	const refusal = async (given: string) =>
		(await t.throwsAsync(findFile(source, given), {name: 'CommandError'})) as unknown as CommandError;
	const missing = await refusal('eport');
	t.like(missing, {code: 'FILE_NOT_FOUND', exitCode: 4});
	t.regex(missing.message, /^There is no file "eport"\. Names that contain it: "Report\.pdf", "old report\.pdf"/);
	t.like(await refusal('abc'), {code: 'FILE_NOT_FOUND'}, 'three digits are no beginning of an id');
	t.like(await refusal('ffff'), {message: 'There is no file "ffff". pjas-tui files lists what there is'});
	const twice = await refusal('twice');
	t.like(twice, {code: 'AMBIGUOUS_FILE', exitCode: 2});
	t.regex(twice.message, /Say its id:\n {2}abcf0+ .*twice\n {2}abce0+ .*twice$/);
	t.deepEqual(JSON.parse(failureText(twice, true)), {
		error: twice.message,
		code: 'AMBIGUOUS_FILE',
		candidates: [files[3], files[2]].map(file => ({
			file_id: file?.file_id,
			filename: 'twice',
			size: 10,
			uploaded_at: 1_767_323_045_000,
		})),
	});
});

test('many files of one name are not all listed', async t => {
	const many = Array.from({length: 30}, (_, index) => fileOf(`abcd${String(index).padStart(2, '0')}`, 'same'));
	const error = await t.throwsAsync(findFile(sourceOf(many), 'same'));
	t.is(error.message.split('\n').length, 22);
	t.regex(error.message, /… and more$/);
});

test('completion offers names, and ids where a name would not do', async t => {
	const source = sourceOf(files, 1000);
	t.deepEqual(await storedFiles(source, 'report'), ['report.pdf']);
	t.deepEqual(await storedFiles(source, 'twice'), [idOf('abcf'), idOf('abce')]);
	t.deepEqual(await storedFiles(source, 'bell'), [idOf('d000')]);
	t.deepEqual(await storedFiles(source, 'abcd'), ['abcd2', idOf('abcd2'), idOf('abcd1')]);
	t.is((await storedFiles(source, '')).length, files.length);
});

const facts = {
	name: 'report.pdf',
	position: 1,
	count: 1,
	done: 512 * 1024,
	total: 1024 ** 2,
	unit: 'bytes',
	rate: 0,
} as const;

test('progress says how far, how fast and how long, in one line that fits', t => {
	t.is(progressLine(facts, 80), '50%  512 KiB of 1 MiB  report.pdf');
	t.is(
		progressLine({...facts, rate: 1024, position: 2, count: 7}, 80),
		'2/7 50%  512 KiB of 1 MiB  1 KiB/s  8:32 min left  report.pdf',
	);
	t.is(progressLine({...facts, total: undefined, rate: 2048}, 80), '512 KiB  2 KiB/s  report.pdf');
	t.is(progressLine({...facts, done: 0, total: 0}, 80), '100%  0 B of 0 B  report.pdf');
	t.is(
		progressLine({...facts, done: 1, total: 4, unit: 'chunks', rate: 1}, 80),
		'25%  1 of 4 chunks  3 s left  report.pdf',
	);
	for (const columns of [1, 10, 20, 33, 34, 40, 80, 300]) {
		const line = progressLine({...facts, name: `日本語\u001B[2J\n${'長い'.repeat(99)}.txt`, rate: 10}, columns);
		t.true(displayWidth(line) < Math.max(2, columns), `${columns}: ${line}`);
		t.notRegex(line, /\p{Cc}/u);
	}
});

test('spans of time are short', t => {
	const spans: [number, string][] = [
		[0, '0 s'],
		[1, '1 s'],
		[59_000, '59 s'],
		[60_000, '1:00 min'],
		[3_599_000, '59:59 min'],
		[7_500_000, '2:05 h'],
	];
	for (const [ms, expected] of spans) t.is(formatSpan(ms), expected);
});

/** What a terminal of one line shows after all this. */
const shownAfter = (written: readonly string[]): string => {
	let line: string[] = [];
	let column = 0;
	for (const character of written.join('')) {
		if (character === '\r') column = 0;
		else line = Object.assign([...line], {[column++]: character});
	}

	return line.join('').trimEnd();
};

test('progress is written over in place, seldom, and taken away at the end', t => {
	const written: string[] = [];
	let nowMs = 1_000_000;
	const stderr = {
		async write(data: string | Uint8Array) {
			written.push(String(data));
			return Promise.resolve();
		},
		isTerminal: true,
		columns: () => 80,
	};
	const clock = {now: () => nowMs, sleep: async () => Promise.resolve()};
	const progress = createProgress({stderr, clock, flags: new Map()});
	progress.start({name: 'a long name.txt', position: 1, count: 2, unit: 'bytes'});
	for (let done = 0; done < 100; done++) {
		progress.update(done, 100);
		nowMs += 10;
	}

	t.is(written.length, 5);
	t.regex(shownAfter(written), /^1\/2 80% .*a long name\.txt$/);
	progress.start({name: 'b', position: 2, count: 2, unit: 'bytes'});
	progress.update(100, 100);
	t.is(shownAfter(written), '2/2 100%  100 B of 100 B  b');
	progress.clear();
	t.is(shownAfter(written), '');
	t.notRegex(written.join(''), /[^\r\P{Cc}]/u);

	const count = written.length;
	for (const quiet of [
		createProgress({stderr, clock, flags: new Map([['quiet', true]])}),
		createProgress({stderr: {...stderr, isTerminal: false}, clock, flags: new Map()}),
	]) {
		quiet.start({name: 'c', position: 1, count: 1, unit: 'bytes'});
		quiet.update(1, 1);
		quiet.clear();
	}

	t.is(written.length, count);
});

test('short flags stand for long ones, alone, together and with their values', t => {
	const flags = (...argv: string[]) => {
		const request = readRequest(argv);
		return request.kind === 'command' ? [Object.fromEntries(request.flags), ...request.words] : request;
	};
	t.deepEqual(flags('download', 'x', '-o', '-'), [{output: '-'}, 'x']);
	t.deepEqual(flags('download', '-opath', 'x'), [{output: 'path'}, 'x']);
	t.deepEqual(flags('download', '-o=path', '-q', 'x'), [{output: 'path', quiet: true}, 'x']);
	t.deepEqual(flags('download', '-qo', 'path', 'x'), [{quiet: true, output: 'path'}, 'x']);
	t.deepEqual(flags('upload', '-', '--name', 'x'), [{name: 'x'}, '-']);
	t.deepEqual(flags('upload', '--', '-o', '--json'), [{}, '-o', '--json']);
	t.deepEqual(flags('--coordinator', 'files', 'rm', '0123', '1e10', '-y'), [
		{coordinator: 'files', yes: true},
		'0123',
		'1e10',
	]);
	t.deepEqual(flags('logs', '-f', '--level', 'warn'), [{follow: true, level: 'WARN'}]);
	t.deepEqual(flags('rm', '-h'), {kind: 'help', command: 'rm'});
	t.deepEqual(flags('-h'), {kind: 'help', command: undefined});
	t.like(flags('--theme', 'ASCII', '--read-only'), {kind: 'console'});
});

test('wrong flags are refused with what was meant', t => {
	const refusals: [string[], string][] = [
		[
			['download', 'x', '-p', 'y'],
			'There is no flag -p. Known are: --output, --force, --passphrase-file, --quiet, --json, --coordinator, --read-only, --help',
		],
		[['download', '-force', 'x'], 'There is no flag -force. Did you mean --force?'],
		[['download', '-output', 'y', 'x'], 'There is no flag -output. Did you mean --output?'],
		[['download', 'x', '-o'], '--output needs a value: --output VALUE'],
		[['download', 'x', '-o', '-q'], '--output needs a value: --output VALUE'],
		[['download', 'x', '-o', 'y', '--output', 'z'], '--output is given more than once'],
		[['logs', '-ff'], '--follow is given more than once'],
		[['logs', '-f=maybe'], '--follow is "maybe". Allowed: --follow alone, --follow=true, --follow=false'],
		[['logs', '--level', 'loud'], '--level is "loud". Allowed: INFO, WARN, ERROR'],
		[['--theme', 'pink'], '--theme is "pink". Allowed: auto, dark, light, ascii'],
		[['nodes', '--search', 'x'], 'nodes takes no --search. It is for files; pjas-tui nodes --help lists what it takes'],
		[
			['nodes', '--theme', 'dark'],
			'nodes takes no --theme. It stands without a command; pjas-tui nodes --help lists what it takes',
		],
		[
			['--json'],
			`The console takes no --json. It is for ${commandNames.slice(0, -1).join(', ')}; pjas-tui --help lists what it takes`,
		],
		[['upload'], 'Say which file: pjas-tui upload FILE'],
		[['completion'], 'Say which one: pjas-tui completion bash|zsh|fish'],
		[['completion', 'bsh'], 'There is no completion for "bsh". Did you mean bash?'],
		[['download', 'x', 'y'], '"y" is one word too many for download'],
		[['help', 'uplaod'], 'There is no command "uplaod". Did you mean upload?'],
	];
	for (const [argv, message] of refusals) t.throws(() => readRequest(argv), {message, code: 'INVALID_CONFIGURATION'});
});

test('every command has its help, with its flags and an example, in 80 columns', t => {
	const general = helpText(undefined);
	for (const name of commandNames) {
		const text = helpText(name);
		t.true(general.includes(`\n  ${name} `), name);
		t.regex(text, new RegExp(`^pjas-tui ${name}[^]*Flags:[^]*Examples:\n.*pjas-tui ${name}`));
		for (const flag of flagsOf(name)) t.true(text.includes(`--${flag.name}`), flag.name);
		for (const line of [...general.split('\n'), ...text.split('\n')]) t.true(line.length <= 80, line);
	}
});

test('redundancy is told in words', t => {
	t.is(formatRedundancy({full: 3, partly: 0, none: 0}), 'full');
	t.is(formatRedundancy({full: 0, partly: 0, none: 0}), 'full');
	t.is(formatRedundancy({full: 3, partly: 2, none: 0}), '2 of 5 short');
	t.is(formatRedundancy({full: 3, partly: 2, none: 1}), '1 lost');
});

const hasShell = (name: string): boolean => {
	try {
		execFileSync(name, ['-c', 'true'], {stdio: 'ignore'});
		return true;
	} catch {
		return false;
	}
};

test('the completion scripts have every command and flag, and are read by the shells that are here', t => {
	for (const [shell, script] of Object.entries(completionScripts)) {
		const text = script();
		for (const name of commandNames) {
			t.true(text.includes(name), `${shell}: ${name}`);
			for (const flag of flagsOf(name))
				t.regex(text, new RegExp(`--${flag.name}|-l ${flag.name}`), `${shell}: ${flag.name}`);
		}

		t.notRegex(text, /undefined|\[object/);
		const withoutEscaped = text.replaceAll(/\\./g, '').replaceAll(/^\s*#.*$/gm, '');
		if (shell !== 'bash') t.is(withoutEscaped.replaceAll(/[^']/g, '').length % 2, 0, `${shell}: its quotes close`);
		if (hasShell(shell)) t.notThrows(() => execFileSync(shell, ['-n'], {input: text}));
	}
});
