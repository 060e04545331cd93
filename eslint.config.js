import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
Which rooms a room may import from, by relative path. The order of the rooms is the design: `protocol` knows nothing of
ours, `core` only the protocol, and only `daemon/cli.ts` and the tests see everything.
*/
const rooms = [
	{room: 'source/protocol', allowed: ['source/protocol']},
	{room: 'source', allowed: ['source'], except: ['source/protocol']},
	{room: 'daemon/core', allowed: ['daemon/core', 'source/protocol']},
	{room: 'daemon/ports', allowed: ['daemon/ports', 'daemon/core', 'source/protocol']},
	{room: 'daemon/http', allowed: ['daemon/http', 'daemon/ports', 'daemon/core', 'source/protocol']},
	{room: 'daemon/trust', allowed: ['daemon/trust', 'daemon/core', 'source/protocol']},
	...['adapters', 'coordinator', 'node'].map(name => ({
		room: `daemon/${name}`,
		allowed: [
			`daemon/${name}`,
			...(name === 'adapters' ? [] : ['daemon/http']),
			'daemon/trust',
			'daemon/ports',
			'daemon/core',
			'source/protocol',
		],
	})),
	// Everything but what serves or calls over a network.
	{
		room: 'daemon/simulation',
		allowed: [
			'daemon/simulation',
			'daemon/coordinator',
			'daemon/node',
			'daemon/adapters',
			'daemon/trust',
			'daemon/ports',
			'daemon/core',
			'source/protocol',
		],
		closed: [
			'daemon/coordinator/server',
			'daemon/coordinator/routes',
			...['server', 'start', 'heartbeat', 'receive', 'send', 'classic'].map(name => `daemon/node/${name}`),
		],
	},
];

/** Refuses an import whose target lies outside the rooms that the importing file's room may know. */
const roomsRule = {
	meta: {type: 'problem', schema: [], messages: {closed: '{{room}} may not import {{target}}: see "The rooms"'}},
	create(context) {
		const root = new URL('.', import.meta.url).pathname;
		const file = context.filename.startsWith(root) ? context.filename.slice(root.length) : context.filename;
		const rule = rooms.find(
			({room, except = []}) => file.startsWith(`${room}/`) && !except.some(other => file.startsWith(`${other}/`)),
		);
		const isTest = /\.(test|suite)\.tsx?$/.test(file);
		const check = node => {
			const specifier = node.source?.value;
			if (!rule || isTest || typeof specifier !== 'string' || !specifier.startsWith('.')) return;
			const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
			const isClosed = rule.closed?.some(closed => target.startsWith(closed)) ?? false;
			if (isClosed || !rule.allowed.some(room => target.startsWith(`${room}/`))) {
				context.report({node, messageId: 'closed', data: {room: rule.room, target}});
			}
		};

		return {
			ImportDeclaration: check,
			ExportNamedDeclaration: check,
			ExportAllDeclaration: check,
			ImportExpression: check,
		};
	},
};

const clockAndChance = 'Time, chance and I/O come in as arguments here.';

export default tseslint.config(
	{ignores: ['dist/', '.build-*/', 'fixtures/', 'pjas-data/']},
	js.configs.recommended,
	{
		files: ['**/*.{ts,tsx,cts}'],
		extends: [tseslint.configs.strictTypeChecked],
		languageOptions: {
			parserOptions: {project: ['./tsconfig.json', './source/web/tsconfig.json'], tsconfigRootDir: import.meta.dirname},
		},
		plugins: {pjas: {rules: {rooms: roomsRule}}},
		rules: {
			'pjas/rooms': 'error',
			'@typescript-eslint/consistent-type-definitions': ['error', 'type'],
			'@typescript-eslint/consistent-type-imports': 'error',
			'@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
			'@typescript-eslint/no-confusing-void-expression': ['error', {ignoreArrowShorthand: true}],
			'@typescript-eslint/no-unnecessary-condition': ['error', {allowConstantLoopConditions: 'only-allowed-literals'}],
			'no-console': 'error',
			eqeqeq: 'error',
		},
	},
	{
		files: ['daemon/core/**/*.ts'],
		ignores: ['**/*.test.ts'],
		rules: {
			'no-restricted-globals': [
				'error',
				...[
					'Date',
					'performance',
					'process',
					'crypto',
					'fetch',
					'setTimeout',
					'setInterval',
					'setImmediate',
					'queueMicrotask',
				].map(name => ({name, message: clockAndChance})),
			],
			'no-restricted-properties': ['error', {object: 'Math', property: 'random', message: clockAndChance}],
			'no-restricted-imports': [
				'error',
				{
					patterns: [{regex: '^node:(?!crypto$)', message: clockAndChance}],
					paths: [{name: 'node:crypto', allowImportNames: ['createHash'], message: clockAndChance}],
				},
			],
		},
	},
	{
		files: ['daemon/simulation/**/*.ts'],
		ignores: ['**/*.test.ts', 'daemon/simulation/main.ts'],
		rules: {
			'no-restricted-globals': [
				'error',
				...['Date', 'performance', 'process', 'crypto', 'fetch', 'setTimeout', 'setInterval', 'queueMicrotask'].map(
					name => ({name, message: clockAndChance}),
				),
			],
			'no-restricted-properties': ['error', {object: 'Math', property: 'random', message: clockAndChance}],
		},
	},
	{
		files: ['**/*.js', '**/*.mjs'],
		languageOptions: {globals: {URL: 'readonly', process: 'readonly', console: 'readonly'}},
	},
);
