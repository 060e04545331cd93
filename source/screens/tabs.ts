import type {ScreenId, Tab} from '../console/view.js';

/** The screens of a network's console. */
export const networkTabs: readonly Tab<ScreenId>[] = [
	{id: 'overview', action: 'screen.overview', title: 'Overview', shortest: 'Home'},
	{id: 'nodes', action: 'screen.nodes', title: 'Nodes'},
	{id: 'files', action: 'screen.files', title: 'Files'},
	{id: 'transfers', action: 'screen.transfers', title: 'Transfers', shortest: 'Queue'},
	{id: 'activity', action: 'screen.activity', title: 'Activity', short: 'Log'},
	{id: 'people', action: 'screen.people', title: 'People'},
	{id: 'healing', action: 'screen.healing', title: 'Healing', short: 'Heal'},
];
