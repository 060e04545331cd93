import {isLoopbackUrl} from '../base-url.js';
import {dateTime} from '../console/age.js';
import type {Console, View} from '../console/view.js';
import {joinCommandOf} from '../protocol/join-command.js';
import {createForm} from './form.js';
import {createToldOnce} from './told-once.js';

const LONGEST_LABEL = 100;

/** Makes a code with which one node joins, and shows the command for its machine. */
export const createInviteNodeForm = (console: Console): View =>
	createForm(console, {
		title: 'Invite a node',
		fields: [
			{name: 'owner', label: 'Owner', initial: '', hint: 'empty: you'},
			{name: 'zone', label: 'Zone', initial: '', hint: 'what fails with it: a house, a line'},
		],
		yes: 'makes the code',
		problem: values =>
			Object.values(values).some(text => text.length > LONGEST_LABEL)
				? `Owner and zone have at most ${LONGEST_LABEL} characters`
				: undefined,
		async run({owner = '', zone = ''}) {
			const {code, invitation} = await console.api.inviteNode({
				...(owner.trim() !== '' && {owner: owner.trim()}),
				...(zone.trim() !== '' && {zone: zone.trim()}),
			});
			const {url} = console.api;
			console.open(
				createToldOnce(console, {
					title: 'A node may join',
					lines: [
						`For the machine of ${invitation.owner}, until ${dateTime(invitation.expires_at)}; 100 GB is what it lends:`,
						...(isLoopbackUrl(url)
							? [`${url} leads nowhere from other machines: put another address behind the @`]
							: []),
					],
					secret: joinCommandOf(code, url),
				}),
			);
		},
	});
