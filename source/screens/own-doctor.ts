import type {MemberConsole, View} from '../console/view.js';
import {createDoctorView} from './doctor.js';
import {unreached} from './own-reached.js';
import {waitingForNode} from './own-waiting.js';

/** What the own node finds wrong with itself and its machine: the same checks as those of `pjas-daemon doctor`. */
export const createOwnDoctorScreen = (console: MemberConsole): View =>
	createDoctorView(console, {
		title: 'Doctor',
		look: () => console.node.get().examination,
		waiting: () => waitingForNode(console, 'what it found'),
		never: [
			'The node has not looked for troubles since it runs.',
			'e has it look: folder, disk, port, coordinator, clock, version, and the way to it. It changes nothing.',
		],
		examine: {id: 'doctor.examine', problem: () => unreached(console), run: async () => console.node.examine()},
	});
