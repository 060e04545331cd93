import type {MemberScreenId, ScreenId, Tab} from '../console/view.js';

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

/** The screens of a member's console. */
export const memberTabs: readonly Tab<MemberScreenId>[] = [
	{id: 'own-node', action: 'screen.own-node', title: 'Node'},
	{id: 'own-limits', action: 'screen.own-limits', title: 'Limits'},
	{id: 'own-log', action: 'screen.own-log', title: 'Log'},
	{id: 'own-doctor', action: 'screen.own-doctor', title: 'Doctor'},
];
