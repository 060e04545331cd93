import type {Connection, LiveState} from '../client/live-state.js';
import {span} from './age.js';
import type {Piece} from './table.js';
import type {Theme, Tone} from './theme.js';
import type {Area} from './view.js';

/** How the console stands to what it is of, in a few words. */
export const connectionStatus = ({connection}: {connection: Connection}, nowMs: number): {text: string; tone: Tone} => {
	if (connection.state === 'live') return {text: 'LIVE', tone: 'ok'};
	if (connection.state === 'connecting') return {text: 'CONNECTING', tone: 'warn'};
	if (connection.state === 'refused') {
		return {text: connection.reason === 'FORBIDDEN' ? 'NOT ALLOWED' : 'NOT SIGNED IN', tone: 'warn'};
	}

	const {sinceMs, nextTryAtMs} = connection;
	return {text: `STALE ${span(nowMs - sinceMs)}, next try in ${span(nextTryAtMs - nowMs)}`, tone: 'bad'};
};

/** Who is signed in, for the head of every screen; that there are no accounts, so that nobody overlooks it. */
export const whoPieces = ({stats, whoami}: LiveState): Piece[] => {
	if (stats?.open === true || whoami?.open === true) return [{text: 'OPEN: no accounts', tone: 'warn', isBold: true}];
	return whoami ? [{text: whoami.name, isBold: true}, {text: ` (${whoami.role})`}] : [];
};

/** The same for a screen reader. */
export const whoSaid = (state: LiveState): string => {
	const text = whoPieces(state)
		.map(piece => piece.text)
		.join('');
	return text === '' || state.stats?.open === true || state.whoami?.open === true ? text : `Signed in: ${text}`;
};

/** The network in two figures, for the head; where there is room. */
export const headFigures = ({stats}: LiveState, {columns}: Area, theme: Theme): Piece[] => {
	if (!stats || columns < 80) return [];
	const {onlineNodes, totalNodes, dataHealth} = stats;
	const nodesTone: Tone = totalNodes > 0 && onlineNodes === totalNodes ? 'ok' : 'warn';
	const dataTone: Tone = stats.redundancy.none > 0 ? 'bad' : dataHealth < 100 ? 'warn' : 'ok';
	const dot: Piece = {text: `  ${theme.glyphs.dot}  `, tone: 'muted'};
	return [
		dot,
		{text: 'nodes '},
		{text: `${onlineNodes}/${totalNodes}`, tone: nodesTone},
		dot,
		{text: 'data '},
		{text: `${dataHealth}%`, tone: dataTone},
	];
};
