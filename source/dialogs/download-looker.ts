import {stat} from 'node:fs/promises';
import path from 'node:path';
import type {LineInput} from '../console/line-input.js';
import type {Console} from '../console/view.js';
import type {FileView} from '../protocol/api.js';
import {hasEnded} from '../screens/transfer-facts.js';
import {lookAtTarget, type Target} from './download-target.js';
import type {Places} from './places.js';

/** Where downloads went last, or where people look for them. */
export const firstFolder = async ({folders}: Console, places: Places): Promise<string> => {
	if (places.downloadedTo !== undefined) return places.downloadedTo;
	const downloads = path.join(folders.home, 'Downloads');
	const found = await stat(downloads).catch(() => undefined);
	return found?.isDirectory() === true ? downloads : folders.working;
};

export type Looker = {
	/** What is at the path that is typed now; `undefined` while the disk is asked. */
	get: () => Target | undefined;
	/** Resolves when that is known. */
	look: () => Promise<void>;
};

/** Looks at the newest path that was typed, one at a time. */
export const createLooker = (console: Console, input: LineInput, files: readonly FileView[]): Looker => {
	let known: {typed: string; target: Target} | undefined;
	let running: Promise<void> | undefined;

	const pending = () =>
		new Set(
			console.transfers
				.get()
				.filter(each => each.kind === 'download' && !hasEnded(each))
				.map(each => each.path),
		);

	const isKnown = () => known?.typed === input.value();

	const run = async () => {
		while (!isKnown()) {
			const typed = input.value();
			known = {typed, target: await lookAtTarget({typed, files, folders: console.folders, pending: pending()})};
		}

		running = undefined;
		console.changed();
	};

	return {
		get: () => (isKnown() ? known?.target : undefined),
		async look() {
			if (!isKnown()) await (running ??= run());
		},
	};
};
