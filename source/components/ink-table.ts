import {createRequire, Module} from 'node:module';
import type {Component, ComponentType, ReactNode} from 'react';
import * as ink from 'ink';

/**
ink-table is CommonJS and requires Ink, which is an ES module that awaits at its top: Node refuses that. So Ink, loaded
already, is put where ink-table's `require` will look for it. (The bundle does the same with a plugin of the bundler.)
*/

export type InkTableProps = {
	data: readonly Record<string, string | number>[];
	columns: readonly string[];
	cell: ComponentType<{column: number; children?: string}>;
	skeleton: ComponentType<{children?: ReactNode}>;
};

/** What a subclass may replace: each makes one line of the table. */
export type InkTableLine = (props: {key: string; data: Record<string, string | number>}) => ReactNode;

export type InkTable = new (props: InkTableProps) => Component<InkTableProps> & {
	header: InkTableLine;
	heading: InkTableLine;
	separator: InkTableLine;
	data: InkTableLine;
	footer: InkTableLine;
};

const load = (): InkTable => {
	const require = createRequire(import.meta.url);
	const requireOfTable = createRequire(require.resolve('ink-table'));
	const file = requireOfTable.resolve('ink');
	const known = requireOfTable.cache[file];
	const standIn = new Module(file);
	standIn.exports = ink;
	standIn.loaded = true;
	requireOfTable.cache[file] = standIn;
	try {
		return (require('ink-table') as {default: InkTable}).default;
	} finally {
		if (known) requireOfTable.cache[file] = known;
		else Reflect.deleteProperty(requireOfTable.cache, file);
	}
};

export const InkTableBase: InkTable = load();
