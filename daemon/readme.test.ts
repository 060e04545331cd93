import {readdir, readFile} from 'node:fs/promises';
import test from 'ava';
import {commandNames, commands, usageOf} from '../source/commands/commands.js';
import {type Binding, keymap} from '../source/console/keymap.js';
import {keyName} from '../source/console/key-names.js';
import {errorKinds} from '../source/protocol/errors.js';
import {type Route, routes} from '../source/protocol/routes.js';
import {environmentNameOf, flagOf, isDerived, type Setting} from './config-setting.js';
import {settings} from './config-settings.js';

const readme = readFile(new URL('../../README.md', import.meta.url), 'utf8');

const defaultOf = (setting: Setting): string => {
	if (setting.default === undefined) return setting.isRequired ? 'needed' : '';
	if (isDerived(setting.default)) return setting.default.text;
	return typeof setting.default === 'object'
		? [...new Set(Object.values(setting.default))].join(', ')
		: String(setting.default);
};

const settingRow = (setting: Setting): string => {
	const isWord = setting.position !== undefined;
	const flag = isWord ? (setting.placeholder ?? '') : `--${flagOf(setting)}`;
	const sources = setting.isFlagOnly ? '' : `\`${environmentNameOf(setting)}\` \`${setting.name}\``;
	return `| \`${flag}\` | ${sources} | ${setting.modes.join(', ')} | ${setting.help} | ${defaultOf(setting)} |`;
};

const table = (head: string, rows: readonly string[]): string =>
	[head, head.replaceAll(/[^|]+/g, '---'), ...rows].join('\n');

const settingsTable = table(
	'| flag | environment, file | for | what | default |',
	Object.values<Setting>(settings).map(settingRow),
);

const routesTable = table(
	'| call | what |',
	Object.values<Route>(routes).map(({method, path, summary}) => `| \`${method} ${path}\` | ${summary} |`),
);

const keysTable = table(
	'| keys | where | what |',
	Object.values<Binding>(keymap).map(
		({keys, scope, help}) => `| ${keys.map(key => `\`${keyName(key)}\``).join(' ')} | ${scope} | ${help} |`,
	),
);

const commandsTable = table(
	'| command | what |',
	commandNames.map(name => `| \`${usageOf(name).replaceAll('|', '\\|')}\` | ${commands[name].about} |`),
);

test('the README lists every key of the console as the keymap has it', async t => {
	const text = await readme;
	t.true(text.includes(keysTable), `It should have this table:\n${keysTable}`);
});

test('the README lists every command of pjas-tui', async t => {
	const text = await readme;
	t.true(text.includes(commandsTable), `It should have this table:\n${commandsTable}`);
});

test('the README lists every setting as the daemon has it', async t => {
	const text = await readme;
	t.true(text.includes(settingsTable), `It should have this table:\n${settingsTable}`);
});

test('the README lists every call as the coordinator serves it', async t => {
	const text = await readme;
	t.true(text.includes(routesTable), `It should have this table:\n${routesTable}`);
});

test('the README names no code and no status that the daemon does not have', async t => {
	const rows = [...(await readme).matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)];
	t.true(rows.length > 5);
	for (const [, code, status] of rows) t.is(status, String(errorKinds[code as keyof typeof errorKinds].status));
});

const root = new URL('../../', import.meta.url);

/** The titles of all tests, as their sources have them; one that is made from a list stands there as a template. */
const titles = async (): Promise<Set<string>> => {
	const found = new Set<string>();
	for (const folder of ['daemon/', 'source/']) {
		for (const name of await readdir(new URL(folder, root), {recursive: true})) {
			if (!/\.test\.tsx?$/.test(name)) continue;
			const text = await readFile(new URL(folder + name, root), 'utf8');
			for (const [, quote = '', title = ''] of text.matchAll(
				/\b(?:test(?:\.serial)?|inBrowser)\(\s*(['"`])(.+?)\1,/g,
			)) {
				found.add(quote === '`' ? title.replaceAll(/\$\{[^}]*\}/g, '…') : title);
			}
		}
	}

	return found;
};

test('SECURITY.md names no test that there is not', async t => {
	const text = (await readFile(new URL('SECURITY.md', root), 'utf8')).replaceAll(/\s+/g, ' ');
	const named = [...text.matchAll(/_"(.+?)"_/g)].map(([, title = '']) => title);
	t.true(named.length > 20);
	const all = await titles();
	const patterns = [...all].filter(title => title.includes('…')).map(title => title.split('…'));
	const isThere = (title: string) =>
		all.has(title) ||
		patterns.some(([start = '', ...rest]) => title.startsWith(start) && title.endsWith(rest.at(-1) ?? ''));
	t.deepEqual(
		named.filter(title => !isThere(title)),
		[],
	);
});
