/** Where a binding works: everywhere, in any list, or in one place. */
export type Scope =
	| 'everywhere'
	| 'list'
	| 'overview'
	| 'nodes'
	| 'node'
	| 'files'
	| 'file'
	| 'trash'
	| 'transfers'
	| 'activity'
	| 'people'
	| 'account'
	| 'healing'
	| 'picker'
	| 'own node'
	| 'doctor';

export type Binding = {
	scope: Scope;
	/** The keys, as `chordOf` writes them. The first is the one that the bottom line shows. */
	keys: readonly string[];
	/** One or two words, for the bottom line. */
	label: string;
	/** A sentence, for the help and the palette. */
	help: string;
	/** Whether it changes something: hidden and refused with --read-only. */
	isChange?: boolean;
};

/** Every key of the console. The help, the bottom line and the README's table are made of it. */
export const keymap = {
	'screen.overview': {scope: 'everywhere', keys: ['1'], label: 'overview', help: 'Go to the overview'},
	'screen.nodes': {scope: 'everywhere', keys: ['2'], label: 'nodes', help: 'Go to the nodes'},
	'screen.files': {scope: 'everywhere', keys: ['3'], label: 'files', help: 'Go to the files'},
	'screen.transfers': {scope: 'everywhere', keys: ['4'], label: 'transfers', help: 'Go to the transfers'},
	'screen.activity': {scope: 'everywhere', keys: ['5'], label: 'activity', help: 'Go to the activity log'},
	'screen.people': {scope: 'everywhere', keys: ['6'], label: 'people', help: 'Go to the people'},
	'screen.healing': {scope: 'everywhere', keys: ['7'], label: 'healing', help: 'Go to the healing of the network'},
	'screen.next': {scope: 'everywhere', keys: ['tab'], label: 'next', help: 'Go to the next screen'},
	'screen.previous': {scope: 'everywhere', keys: ['shift-tab'], label: 'previous', help: 'Go to the previous screen'},
	palette: {scope: 'everywhere', keys: [':'], label: 'palette', help: 'Name an action or a screen'},
	help: {scope: 'everywhere', keys: ['?', 'f1'], label: 'help', help: 'Show what the keys do here'},
	doctor: {
		scope: 'everywhere',
		keys: ['!'],
		label: 'doctor',
		help: 'Look what stands between here and the coordinator',
	},
	upload: {scope: 'everywhere', keys: ['u'], label: 'upload', help: 'Choose files to upload', isChange: true},
	back: {scope: 'everywhere', keys: ['escape'], label: 'back', help: 'Close what is on top, or take the filter away'},
	retry: {scope: 'everywhere', keys: ['ctrl-r'], label: 'reconnect', help: 'Ask the coordinator again at once'},
	redraw: {scope: 'everywhere', keys: ['ctrl-l'], label: 'redraw', help: 'Paint the screen anew'},
	suspend: {scope: 'everywhere', keys: ['ctrl-z'], label: 'suspend', help: 'Go to the shell; fg comes back'},
	quit: {scope: 'everywhere', keys: ['q', 'ctrl-c'], label: 'quit', help: 'Quit; asks while transfers are under way'},

	'list.up': {scope: 'list', keys: ['up', 'k'], label: 'up', help: 'One up'},
	'list.down': {scope: 'list', keys: ['down', 'j'], label: 'down', help: 'One down'},
	'list.left': {scope: 'list', keys: ['left', 'h'], label: 'left', help: 'To the left; in a list, columns to the left'},
	'list.right': {
		scope: 'list',
		keys: ['right', 'l'],
		label: 'right',
		help: 'To the right; in a list, columns to the right',
	},
	'list.first': {scope: 'list', keys: ['g', 'home'], label: 'first', help: 'To the first'},
	'list.last': {scope: 'list', keys: ['G', 'end'], label: 'last', help: 'To the last'},
	'list.page-up': {scope: 'list', keys: ['ctrl-u', 'pageup'], label: 'page up', help: 'A page up'},
	'list.page-down': {scope: 'list', keys: ['ctrl-d', 'pagedown'], label: 'page down', help: 'A page down'},
	'list.open': {scope: 'list', keys: ['enter'], label: 'open', help: 'Open the chosen one'},
	'list.mark': {scope: 'list', keys: ['space'], label: 'mark', help: 'Mark it, or take the mark away'},
	'list.filter': {
		scope: 'list',
		keys: ['/'],
		label: 'filter',
		help: 'Filter: text, !text for without, ~text for about',
	},
	'list.sort': {scope: 'list', keys: ['s'], label: 'sort', help: 'Sort by the next column'},
	'list.reverse': {scope: 'list', keys: ['S'], label: 'reverse', help: 'Reverse the order'},
	'list.copy': {scope: 'list', keys: ['y'], label: 'copy id', help: 'Copy the id of the chosen one'},

	'healing.why': {scope: 'overview', keys: ['w'], label: 'why', help: 'Show why the network is unhealthy'},
	'healing.pause': {
		scope: 'overview',
		keys: ['P'],
		label: 'pause healing',
		help: 'Pause healing as a whole, or go on with it',
		isChange: true,
	},

	'nodes.invite': {
		scope: 'nodes',
		keys: ['i'],
		label: 'invite',
		help: 'Make a code with which a node joins, and the command for it',
		isChange: true,
	},
	'node.drain': {
		scope: 'node',
		keys: ['D'],
		label: 'drain',
		help: 'Move its shards to other nodes, or stop doing that',
		isChange: true,
	},
	'node.maintain': {
		scope: 'node',
		keys: ['M'],
		label: 'maintain',
		help: 'Say that it may be away for a while, or that this is over',
		isChange: true,
	},
	'node.safe': {scope: 'node', keys: ['T'], label: 'safe?', help: 'Ask whether it can be stopped now'},
	'node.audit': {
		scope: 'node',
		keys: ['A'],
		label: 'audit',
		help: 'Have it prove now that it holds a shard chosen by chance',
		isChange: true,
	},
	'node.leave': {
		scope: 'node',
		keys: ['L'],
		label: 'leave',
		help: 'Move its shards to other nodes, then forget it',
		isChange: true,
	},

	'file.download': {scope: 'files', keys: ['d'], label: 'download', help: 'Download the chosen or marked files'},
	'file.check': {scope: 'files', keys: ['c'], label: 'check', help: 'Have every node re-read its shards of the file'},
	'file.delete': {
		scope: 'files',
		keys: ['x', 'delete'],
		label: 'delete',
		help: 'Delete the chosen or marked files',
		isChange: true,
	},
	'file.share': {
		scope: 'files',
		keys: ['v'],
		label: 'who reads',
		help: 'Say who may read the chosen or marked files',
		isChange: true,
	},
	'file.open-names': {
		scope: 'files',
		keys: ['e'],
		label: 'open names',
		help: 'Open the names of what is sealed end to end, with your passphrase',
	},
	'file.reload': {scope: 'files', keys: ['r'], label: 'reload', help: 'Ask for the list anew'},

	'file.trash': {scope: 'files', keys: ['t'], label: 'trash', help: 'Show the deleted files that can be brought back'},

	'file.why': {scope: 'file', keys: ['w'], label: 'why', help: 'Show why the chosen chunk is as it is'},
	'file.stop-check': {scope: 'file', keys: ['x'], label: 'stop check', help: 'Stop the check that is under way'},

	'trash.restore': {
		scope: 'trash',
		keys: ['b'],
		label: 'bring back',
		help: 'Bring the chosen or marked files back',
		isChange: true,
	},
	'trash.purge': {
		scope: 'trash',
		keys: ['x', 'delete'],
		label: 'for good',
		help: 'Delete the chosen or marked files for good',
		isChange: true,
	},
	'trash.empty': {scope: 'trash', keys: ['E'], label: 'empty', help: 'Empty your trash for good', isChange: true},
	'trash.close': {scope: 'trash', keys: ['t'], label: 'files', help: 'Go back to the files'},
	'trash.reload': {scope: 'trash', keys: ['r'], label: 'reload', help: 'Ask for the trash anew'},

	'transfer.pause': {scope: 'transfers', keys: ['p'], label: 'pause', help: 'Pause, or go on'},
	'transfer.cancel': {scope: 'transfers', keys: ['x', 'delete'], label: 'cancel', help: 'Cancel the transfer'},
	'transfer.retry': {scope: 'transfers', keys: ['r'], label: 'retry', help: 'Try again what failed'},
	'transfer.clear': {scope: 'transfers', keys: ['c'], label: 'clear', help: 'Take it out of the list, once it ended'},
	'transfer.clear-all': {
		scope: 'transfers',
		keys: ['C'],
		label: 'clear all',
		help: 'Take all that ended out of the list',
	},

	'activity.follow': {scope: 'activity', keys: ['f'], label: 'follow', help: 'Follow the newest, or hold still'},
	'activity.level': {
		scope: 'activity',
		keys: ['v'],
		label: 'level',
		help: 'Show all, warnings and errors, or errors only',
	},
	'activity.wide': {scope: 'activity', keys: ['w'], label: 'wide', help: 'Whole messages, or one line each'},

	'people.invite': {scope: 'people', keys: ['i'], label: 'invite', help: 'Invite a person', isChange: true},
	'people.edit': {
		scope: 'people',
		keys: ['e'],
		label: 'edit',
		help: 'Change the role and the quota of an account',
		isChange: true,
	},
	'people.disable': {
		scope: 'people',
		keys: ['x', 'delete'],
		label: 'disable',
		help: 'Disable an account, or let it in again; take an invitation back',
		isChange: true,
	},
	'people.reset': {
		scope: 'people',
		keys: ['R'],
		label: 'reset',
		help: 'Make a link with which somebody sets a new password',
		isChange: true,
	},
	'people.reload': {scope: 'people', keys: ['r'], label: 'reload', help: 'Ask for the people anew'},

	'token.create': {
		scope: 'account',
		keys: ['n'],
		label: 'new token',
		help: 'Make a token for a program',
		isChange: true,
	},
	'token.revoke': {scope: 'account', keys: ['x', 'delete'], label: 'revoke', help: 'End the token', isChange: true},

	'healing.toggle': {
		scope: 'healing',
		keys: ['P'],
		label: 'pause',
		help: 'Pause healing as a whole, or go on with it',
		isChange: true,
	},
	'healing.repair': {
		scope: 'healing',
		keys: ['R'],
		label: 'repair',
		help: 'Repair the file now, whoever may come back',
		isChange: true,
	},
	'healing.file': {scope: 'healing', keys: ['f'], label: 'file', help: 'Open the file of the chosen chunk'},
	'healing.reload': {scope: 'healing', keys: ['r'], label: 'reload', help: 'Ask for its state anew'},

	'picker.upload': {
		scope: 'picker',
		keys: ['enter'],
		label: 'upload',
		help: 'Upload the chosen file, or all that is marked',
		isChange: true,
	},
	'picker.e2e': {
		scope: 'picker',
		keys: ['ctrl-e'],
		label: 'seal',
		help: 'Seal what is uploaded end to end, or not',
	},
	'picker.hidden': {scope: 'picker', keys: ['ctrl-h'], label: 'hidden', help: 'Show hidden files, or not'},

	'screen.own-node': {scope: 'own node', keys: ['1'], label: 'node', help: 'Go to the node'},
	'screen.own-limits': {scope: 'own node', keys: ['2'], label: 'limits', help: 'Go to its limits'},
	'screen.own-log': {scope: 'own node', keys: ['3'], label: 'log', help: 'Go to its log'},
	'screen.own-doctor': {scope: 'own node', keys: ['4'], label: 'doctor', help: 'Go to what may be wrong with it'},
	'own.retry': {scope: 'own node', keys: ['ctrl-r'], label: 'reconnect', help: 'Ask the node again at once'},
	'own.pause': {
		scope: 'own node',
		keys: ['p'],
		label: 'pause',
		help: 'Pause the node: no new shards; or let it go on',
		isChange: true,
	},
	'own.limits': {scope: 'own node', keys: ['c'], label: 'set limits', help: 'Change its limits', isChange: true},
	'own.limit': {
		scope: 'own node',
		keys: ['enter'],
		label: 'change',
		help: 'Change the chosen limit',
		isChange: true,
	},
	'own.safe': {scope: 'own node', keys: ['T'], label: 'safe?', help: 'Ask whether it can be stopped now'},
	'own.leave': {
		scope: 'own node',
		keys: ['L'],
		label: 'leave',
		help: 'Leave the network: its shards move elsewhere first; or stay after all',
		isChange: true,
	},
	'doctor.examine': {scope: 'doctor', keys: ['e'], label: 'examine', help: 'Look for what may be wrong, now'},
} as const satisfies Record<string, Binding>;

export type ActionId = keyof typeof keymap;

export const bindingOf = (id: ActionId): Binding => keymap[id];
