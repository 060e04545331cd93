import {useSyncExternalStore} from 'react';

/** Where somebody is: a view, and for files the folder. It stands behind the `#`, so going back works. */
export type Place = {view: View; folder: string};

export const views = ['files', 'trash', 'links', 'network', 'nodes'] as const;
export type View = (typeof views)[number];

const isView = (text: string | undefined): text is View => views.some(view => view === text);

const decoded = (text: string): string => {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
};

const placeOf = (hash: string): Place => {
	const [, view, ...folder] = hash.split('/');
	return isView(view) ? {view, folder: folder.map(decoded).join('/')} : {view: 'files', folder: ''};
};

/** The address of a view, or of a folder of files. */
export const hrefOf = (view: View, folder = ''): string =>
	['#', view, ...(folder === '' ? [] : folder.split('/').map(encodeURIComponent))].join('/');

const subscribe = (listener: () => void): (() => void) => {
	window.addEventListener('hashchange', listener);
	return () => window.removeEventListener('hashchange', listener);
};

export const usePlace = (): Place => placeOf(useSyncExternalStore(subscribe, () => window.location.hash));
