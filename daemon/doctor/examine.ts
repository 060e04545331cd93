import path from 'node:path';
import type {DoctorCheck, DoctorReport} from '../../source/protocol/doctor.js';
import {CATALOG_FILE} from '../adapters/catalog-files.js';
import {MASTER_KEY_FILE} from '../coordinator/master-key.js';
import {NETWORK_KEYS_FILE} from '../coordinator/network-keys.js';
import {addressOf} from '../node/address.js';
import {checkCertificate, checkFiles, checkKeys, checkNodes, checkOwnClock, figuresOf} from './coordinator-checks.js';
import {type Finding, findingsOf} from '../../source/doctor/finding.js';
import {checkFolder} from './folder-checks.js';
import {checkJoinCode} from './join-code-check.js';
import type {Answered} from '../../source/doctor/ask.js';
import type {DoctorIo} from './io.js';
import {checkClock, checkCoordinator} from '../../source/doctor/reach-checks.js';
import {MESSAGE_LIFE_SECONDS} from '../trust/node-messages.js';
import {checkPort, localUrlOf, type PortState} from './network-checks.js';
import {
	checkAddress,
	checkChunks,
	checkLinks,
	checkMembership,
	type NodeIdentity,
	type SayHello,
} from './node-checks.js';
import {checkVersion} from '../../source/doctor/version-check.js';

type Served = {host: string; port: number; tlsCertFile?: string | undefined};

/** What a coordinator runs with, as far as it is looked at. */
export type CoordinatorCase = Served & {
	dataFolder: string;
	replicas: number;
	minReplicas: number;
	isKeyInEnvironment: boolean;
	/** The first admin's token, where it is still kept. */
	adminToken: () => Promise<string | undefined>;
};

/** What a node runs with, as far as it is looked at. */
export type NodeCase = Served & {
	storagePath: string;
	coordinatorUrl: string;
	publicUrl?: string | undefined;
	ngrokUrl?: string | undefined;
	join?: string | undefined;
	classic: boolean;
	identity: () => Promise<NodeIdentity | undefined>;
	hello: SayHello;
};

type Surroundings = {io: DoctorIo; version: string};

const isHealthy = ({text}: Answered) => text.includes('"healthy"');
const isNode = ({text}: Answered) => /"status":\s*"online"/.test(text);

const placeOf = ({host, port, tlsCertFile}: Served): PortState => ({host, port, isTls: tlsCertFile !== undefined});

const checkHolder = async (folder: string, io: DoctorIo): Promise<{holder: number | undefined; finding: Finding}> => {
	const {fine, skipped} = findingsOf('folder-in-use', `Looked which process has ${folder} open`);
	try {
		const holder = (await io.holderOf(folder))?.pid;
		const seen = holder === undefined ? 'None' : `Process ${holder}: another one that is started on it gives way`;
		return {holder, finding: fine(seen)};
	} catch {
		return {holder: undefined, finding: skipped('There is no such folder yet')};
	}
};

const reportOf = (
	role: DoctorReport['role'],
	folder: string,
	findings: Finding[],
	{io, version}: Surroundings,
): DoctorReport => ({
	role,
	version,
	folder,
	checked_at: io.now(),
	is_well: findings.every(({outcome}) => outcome !== 'wrong'),
	findings,
});

const certificateOf = async ({tlsCertFile}: Served, io: DoctorIo): Promise<Finding[]> =>
	tlsCertFile === undefined ? [] : [await checkCertificate(tlsCertFile, io)];

/** Looks at a coordinator and its machine; changes nothing. The coordinator may run meanwhile, or not. */
export const examineCoordinator = async (of: CoordinatorCase, surroundings: Surroundings): Promise<DoctorReport> => {
	const {io} = surroundings;
	const folder = of.dataFolder;
	const findings = await checkFolder(folder, io);
	const {holder, finding} = await checkHolder(folder, io);
	findings.push(finding);
	const files = {masterKey: MASTER_KEY_FILE, networkKeys: NETWORK_KEYS_FILE, catalogue: CATALOG_FILE};
	findings.push(await checkKeys(folder, {files, isKeyInEnvironment: of.isKeyInEnvironment}, io));
	findings.push(await checkOwnClock(folder, io), ...(await certificateOf(of, io)));
	const place = placeOf(of);
	const port = await checkPort(place, {path: '/health', isOurs: isHealthy, holder}, io);
	findings.push(port);
	const isAnswering = holder !== undefined && port.outcome === 'fine' && of.port !== 0;
	const figures = isAnswering
		? await figuresOf(localUrlOf(place), await of.adminToken().catch(() => undefined), io)
		: 'The coordinator does not run here';
	findings.push(checkNodes(figures, of), checkFiles(figures));
	return reportOf('coordinator', folder, findings, surroundings);
};

/** How the coordinator gets to the node. */
const checkReach = async (of: NodeCase, isRunning: boolean, io: DoctorIo): Promise<Finding> => {
	const {coordinatorUrl, publicUrl, ngrokUrl, classic} = of;
	const place = placeOf(of);
	const {skipped} = findingsOf('address', 'Asked under which address the coordinator reaches this node');
	try {
		const address = await addressOf({publicUrl, ngrokUrl, ...place, coordinatorUrl, isNeeded: classic});
		if (address === undefined) return await checkLinks(coordinatorUrl, io);
		if (of.port === 0 && publicUrl === undefined && ngrokUrl === undefined)
			return skipped('--port 0 takes another each time');
		return await checkAddress(address, {...place, isRunning}, io);
	} catch {
		return skipped('The coordinator is not reached, so the way to it is not known');
	}
};

const isCodeAsked = ({classic, join}: Pick<NodeCase, 'classic' | 'join'>): boolean => !classic && join !== undefined;

/** What needs a coordinator that answers. */
const askedChecks = (of: Pick<NodeCase, 'classic' | 'join'>): DoctorCheck[] => [
	...(['clock', 'version'] as const),
	...(of.classic ? [] : (['membership'] as const)),
	...(isCodeAsked(of) ? (['join-code'] as const) : []),
	'address',
];

/** The checks of a node, in their order. Where the folder can't be written to, the disk's speed is not measured. */
export const plannedChecks = (of: Pick<NodeCase, 'classic' | 'join' | 'tlsCertFile'>): DoctorCheck[] => [
	...(['folder', 'disk-speed', 'disk-space', 'folder-in-use', 'chunks'] as const),
	...(of.tlsCertFile === undefined ? [] : (['certificate'] as const)),
	...(['port', 'coordinator'] as const),
	...askedChecks(of),
];

/**
Looks at a node and its machine; changes nothing. The node may run meanwhile, or not.

@param onFinding - Told each finding at once.
*/
export const examineNode = async (
	of: NodeCase,
	surroundings: Surroundings,
	onFinding: (finding: Finding) => void = () => undefined,
): Promise<DoctorReport> => {
	const {io, version} = surroundings;
	const folder = of.storagePath;
	const findings: Finding[] = [];
	const note = (...found: Finding[]) => {
		findings.push(...found);
		for (const finding of found) onFinding(finding);
	};

	note(...(await checkFolder(folder, io)));
	const {holder, finding} = await checkHolder(folder, io);
	note(finding);
	const identity = await of.identity().catch(() => undefined);
	note(await checkChunks(folder, identity, io), ...(await certificateOf(of, io)));
	const port = await checkPort(placeOf(of), {path: '/status', isOurs: isNode, holder}, io);
	note(port);
	const coordinator = await checkCoordinator(of.coordinatorUrl, io);
	note(coordinator.finding);
	if (coordinator.found) {
		note(
			checkClock(coordinator.found, {wrongMs: MESSAGE_LIFE_SECONDS * 1000}),
			checkVersion(version, coordinator.found),
		);
		if (!of.classic) note(await checkMembership(identity, {joinCode: of.join, hello: of.hello}));
		if (isCodeAsked(of)) {
			const {coordinatorUrl, join: code = ''} = of;
			note(await checkJoinCode({code, coordinatorUrl, hasJoined: identity?.hasJoined ?? false}, io));
		}

		note(await checkReach(of, holder !== undefined && port.outcome === 'fine', io));
	} else {
		for (const check of askedChecks(of)) {
			note(findingsOf(check, 'Asked the coordinator').skipped('The coordinator is not reached'));
		}
	}

	return reportOf('node', path.resolve(folder), findings, surroundings);
};
