import test, {type ExecutionContext} from 'ava';
import {type Visibility, visibilities} from '../../source/protocol/people.js';
import {type Route, type RouteName, routes} from '../../source/protocol/routes.js';
import {type Call, formOf, type PeopleNetwork, startPeopleNetwork} from '../testing/people.js';

/**
Every call × who makes it × what it is about. What is expected stands here once more, in words of its own, for each route
by name: a new route without a row is an error of the compiler, and one with a wrong rule fails.
*/
const callers = ['anonymous', 'stranger', 'reader', 'owner', 'operator', 'admin'] as const;
type Caller = (typeof callers)[number];

/** `in`: let in, whatever else is wrong with the call. `gone`: as if the file were not there. */
type Outcome = 'in' | 'gone' | 'forbidden' | 'sign in';

/** For anonymous, stranger, reader, owner, operator, admin. */
type Row = readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome];
type ByVisibility = Record<Visibility, Row>;

const everybody: Row = ['in', 'in', 'in', 'in', 'in', 'in'];
const signedIn: Row = ['sign in', 'in', 'in', 'in', 'in', 'in'];
const operators: Row = ['sign in', 'forbidden', 'forbidden', 'forbidden', 'in', 'in'];
/** What must be signed by a node's key, whatever account asks. */
const nodesAlone: Row = ['sign in', 'sign in', 'sign in', 'sign in', 'sign in', 'sign in'];
const admins: Row = ['sign in', 'forbidden', 'forbidden', 'forbidden', 'forbidden', 'in'];

const seeing: ByVisibility = {
	private: ['gone', 'gone', 'in', 'in', 'in', 'in'],
	network: ['gone', 'in', 'in', 'in', 'in', 'in'],
	public: everybody,
};
const reading: ByVisibility = {...seeing, private: ['gone', 'gone', 'in', 'in', 'forbidden', 'in']};
const checking: ByVisibility = {
	private: ['sign in', 'gone', 'in', 'in', 'in', 'in'],
	network: signedIn,
	public: signedIn,
};
const changing: ByVisibility = {
	private: ['sign in', 'gone', 'forbidden', 'in', 'forbidden', 'in'],
	network: ['sign in', 'forbidden', 'forbidden', 'in', 'forbidden', 'in'],
	public: ['sign in', 'forbidden', 'forbidden', 'in', 'forbidden', 'in'],
};

const repairing: ByVisibility = {
	private: ['sign in', 'gone', 'forbidden', 'in', 'in', 'in'],
	network: ['sign in', 'forbidden', 'forbidden', 'in', 'in', 'in'],
	public: ['sign in', 'forbidden', 'forbidden', 'in', 'in', 'in'],
};

/** Of what its owner put into the trash. */
const restoring: Row = ['sign in', 'gone', 'gone', 'in', 'forbidden', 'in'];
const ofTrash: ByVisibility = {private: restoring, network: restoring, public: restoring};

const expected: Record<RouteName, Row | ByVisibility> = {
	root: everybody,
	welcomePage: everybody,
	sharedPage: everybody,
	pageAsset: everybody,
	health: everybody,
	openapi: everybody,
	register: everybody,
	heartbeat: everybody,
	linkNode: everybody,
	askSafeToStop: everybody,
	testLine: nodesAlone,
	checkJoinCode: everybody,
	login: everybody,
	acceptInvitation: everybody,
	sharedFile: everybody,
	sharedDownload: everybody,
	nodes: signedIn,
	node: signedIn,
	nodeShards: signedIn,
	inviteNode: signedIn,
	nodeInvitations: signedIn,
	revokeNodeInvitation: signedIn,
	auditNode: signedIn,
	banNode: operators,
	unbanNode: operators,
	drainNode: signedIn,
	cancelDrain: signedIn,
	maintainNode: signedIn,
	endMaintenance: signedIn,
	setNodeLimits: signedIn,
	endNodeWishes: signedIn,
	safeToStop: signedIn,
	moves: operators,
	stats: signedIn,
	logs: signedIn,
	events: signedIn,
	files: signedIn,
	upload: signedIn,
	uploadOptions: everybody,
	createUpload: signedIn,
	uploadState: signedIn,
	resumeUpload: signedIn,
	cancelUpload: signedIn,
	whoami: signedIn,
	logout: signedIn,
	password: signedIn,
	tokens: signedIn,
	createToken: signedIn,
	revokeToken: signedIn,
	keyring: signedIn,
	putKeyring: signedIn,
	links: signedIn,
	revokeLink: signedIn,
	accounts: operators,
	invite: operators,
	invitations: operators,
	revokeInvitation: operators,
	changeAccount: admins,
	resetPassword: admins,
	audit: admins,
	alerts: operators,
	testAlerts: operators,
	metrics: operators,
	file: seeing,
	replication: seeing,
	downloadZip: signedIn,
	download: reading,
	check: checking,
	deleteFile: changing,
	changeFile: changing,
	createLink: changing,
	repair: operators,
	pauseRepair: operators,
	resumeRepair: operators,
	repairFile: repairing,
	trash: signedIn,
	emptyTrash: signedIn,
	restoreFile: ofTrash,
	purgeFile: ofTrash,
};

const outcomeOf = async (response: Response, route: Route): Promise<Outcome> => {
	if (route.method === 'HEAD') return response.status === 401 ? 'sign in' : 'in';
	const {code} = /^application\/json/.test(response.headers.get('content-type') ?? '')
		? ((await response.json()) as {code?: string})
		: {};
	await response.body?.cancel().catch(() => undefined);
	if (code === 'UNAUTHENTICATED') return 'sign in';
	if (code === 'FORBIDDEN') return 'forbidden';
	return code === 'FILE_NOT_FOUND' ? 'gone' : 'in';
};

type Cast = PeopleNetwork & {tokens: Record<Caller, () => Promise<string | undefined>>};

/** The people, each with a fresh token a call: one of the calls ends its own. */
const startCast = async (t: ExecutionContext): Promise<Cast> => {
	const network = await startPeopleNetwork(t, {trashMs: 7 * 24 * 3600 * 1000});
	const roles = {stranger: 'member', reader: 'member', owner: 'member', operator: 'operator'} as const;
	const first: Record<string, string> = {admin: network.adminToken};
	for (const [name, role] of Object.entries(roles)) first[name] = await network.addAccount(name, role);
	const fresh = (name: string) => async () => {
		const made = await network.as(first[name])('POST', '/api/tokens', {json: {name: 'fresh', expires_in_s: 600}});
		return ((await made.json()) as {secret: string}).secret;
	};
	return {
		...network,
		tokens: {
			anonymous: async () => Promise.resolve(undefined),
			stranger: fresh('stranger'),
			reader: fresh('reader'),
			owner: fresh('owner'),
			operator: fresh('operator'),
			admin: fresh('admin'),
		},
	};
};

/** A file of `owner`, which is shared with `reader`. */
const createFile = async (call: Call, visibility: Visibility): Promise<string> => {
	const uploaded = await call('POST', '/api/files/upload', {form: formOf('secret plan.txt', 'content')});
	const {file_id: id} = (await uploaded.json()) as {file_id: string};
	await call('PATCH', `/api/files/${id}`, {json: {visibility, shared_with: ['reader']}});
	return id;
};

const createTrashed = async (call: Call, visibility: Visibility): Promise<string> => {
	const id = await createFile(call, visibility);
	await call('DELETE', `/api/files/${id}`);
	return id;
};

const bodyFor = (route: Route): {json?: unknown} =>
	route.body?.type === 'application/json' ? {json: {nothing: 'of use'}} : {};

const nothing = '0'.repeat(32);

test('each call lets in whom it should, and nobody else, whosever file it is about and whoever may see that', async t => {
	t.timeout(120_000);
	const cast = await startCast(t);
	const ownerCall = cast.as(await cast.tokens.owner());
	const wrong: string[] = [];
	for (const [name, route] of Object.entries<Route>(routes)) {
		const {[name as RouteName]: rows} = expected;
		const cases = Array.isArray(rows) ? [[undefined, rows as Row] as const] : Object.entries(rows as ByVisibility);
		for (const [visibility, row] of cases) {
			for (const [at, caller] of callers.entries()) {
				const create = row === restoring ? createTrashed : createFile;
				const id = visibility === undefined ? nothing : await create(ownerCall, visibility as Visibility);
				const token = await cast.tokens[caller]();
				const path = route.path.replace('{id}', id);
				const outcome = await outcomeOf(await cast.as(token)(route.method, path, bodyFor(route)), route);
				if (outcome !== row[at])
					wrong.push(`${name}, ${visibility ?? ''} ${caller}: ${outcome}, not ${String(row[at])}`);
			}
		}
	}

	t.deepEqual(wrong, []);
});

/** Of a file in the trash: what is about its shards is for who may bring it back, and for operators. All else is gone. */
const goneToAll: Row = ['gone', 'gone', 'gone', 'gone', 'gone', 'gone'];
const notThere: Row = ['sign in', 'gone', 'gone', 'gone', 'gone', 'gone'];
const expectedOfTrashed: Partial<Record<RouteName, Row>> = {
	file: goneToAll,
	download: goneToAll,
	replication: ['gone', 'gone', 'gone', 'in', 'in', 'in'],
	check: ['sign in', 'gone', 'gone', 'in', 'in', 'in'],
	repairFile: ['sign in', 'gone', 'gone', 'in', 'in', 'in'],
	deleteFile: notThere,
	changeFile: notThere,
	createLink: notThere,
	restoreFile: restoring,
	purgeFile: restoring,
};

test('a file in the trash is gone for everybody, but for who may bring it back, and what is about its shards', async t => {
	t.timeout(120_000);
	const cast = await startCast(t);
	const ownerCall = cast.as(await cast.tokens.owner());
	const wrong: string[] = [];
	for (const [name, route] of Object.entries<Route>(routes).filter(([, {access}]) => access === 'file')) {
		for (const visibility of visibilities) {
			for (const [at, caller] of callers.entries()) {
				const id = await createTrashed(ownerCall, visibility);
				const call = cast.as(await cast.tokens[caller]());
				const outcome = await outcomeOf(
					await call(route.method, route.path.replace('{id}', id), bodyFor(route)),
					route,
				);
				const wanted = expectedOfTrashed[name as RouteName]?.[at];
				if (outcome !== wanted) wrong.push(`${name}, ${visibility} ${caller}: ${outcome}, not ${String(wanted)}`);
			}
		}
	}

	t.deepEqual(wrong, []);
});

test('a file that may not be seen answers, to the byte, as one that does not exist', async t => {
	const cast = await startCast(t);
	const hidden = await createFile(cast.as(await cast.tokens.owner()), 'private');
	const trashed = await createTrashed(cast.as(await cast.tokens.owner()), 'public');
	for (const caller of ['anonymous', 'stranger'] as const) {
		const call = cast.as(await cast.tokens[caller]());
		for (const [name, route] of Object.entries<Route>(routes).filter(([, {access}]) => access === 'file')) {
			const answers = await Promise.all(
				[hidden, trashed, nothing].map(async id => {
					const answer = await call(route.method, route.path.replace('{id}', id), bodyFor(route));
					return [answer.status, await answer.text()];
				}),
			);
			t.deepEqual(answers.slice(0, 2), [answers[2], answers[2]], `${name}, ${caller}`);
		}
	}
});

test('each listing, count and search has just what its reader may know of', async t => {
	const cast = await startCast(t);
	const owner = cast.as(await cast.tokens.owner());
	const ids: Record<string, Visibility> = {};
	for (const visibility of visibilities) ids[await createFile(owner, visibility)] = visibility;
	const lone = await owner('POST', '/api/files/upload', {form: formOf('lone secret.txt', 'mine')});
	ids[((await lone.json()) as {file_id: string}).file_id] = 'private';

	const seen: Record<Caller, number> = {anonymous: 0, stranger: 2, reader: 3, owner: 4, operator: 4, admin: 4};
	for (const caller of callers) {
		const answer = await cast.as(await cast.tokens[caller]())('GET', '/api/files');
		if (caller === 'anonymous') {
			t.is(answer.status, 401);
			continue;
		}

		const {files, total} = (await answer.json()) as {files: {file_id: string}[]; total: number};
		t.is(files.length, seen[caller], caller);
		t.is(total, seen[caller], caller);
		const found = await cast.as(await cast.tokens[caller]())('GET', '/api/files?q=SECRET&limit=1');
		t.is(((await found.json()) as {total: number}).total, seen[caller], caller);
	}
});

test("a member knows of its own nodes, and of the log what is about its own; an operator's view has all", async t => {
	const cast = await startCast(t);
	await cast.addNode({owner: 'owner'});
	await createFile(cast.as(await cast.tokens.owner()), 'private');
	const of = async (caller: Caller, path: string) =>
		(await (await cast.as(await cast.tokens[caller]())('GET', path)).json()) as Record<string, unknown[]>;
	t.is((await of('owner', '/api/nodes'))['nodes']?.length, 1);
	t.is((await of('stranger', '/api/nodes'))['nodes']?.length, 0);
	t.is((await of('operator', '/api/nodes'))['nodes']?.length, 4);

	const messages = async (caller: Caller) => JSON.stringify((await of(caller, '/api/logs'))['logs']);
	t.regex(await messages('owner'), /secret plan\.txt.*uploaded/);
	t.regex(await messages('operator'), /secret plan\.txt.*uploaded/);
	t.is(await messages('stranger'), '[]');
});

test('events tell each listener what it may know, and that a file was hidden from it', async t => {
	const cast = await startCast(t);
	const listen = async (caller: Caller) => {
		const answer = await cast.as(await cast.tokens[caller]())('GET', '/api/events');
		const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
		if (!reader) throw new Error('there is no stream');
		t.teardown(async () => reader.cancel());
		let text = '';
		return async (mark: string) => {
			while (!text.includes(mark)) {
				const {value, done} = await reader.read();
				if (done) throw new Error('the stream ended');
				text += value;
			}

			return text;
		};
	};
	const [stranger, owner] = [await listen('stranger'), await listen('owner')];
	const call = cast.as(await cast.tokens.owner());
	const hidden = await createFile(call, 'private');
	const open = await createFile(call, 'network');
	await call('PATCH', `/api/files/${open}`, {json: {visibility: 'private', shared_with: []}});

	const told = await stranger(`event: file-removed\ndata: {"file_id":"${open}"}`);
	t.false(told.includes(hidden), 'nothing of the private file');
	t.regex(told, new RegExp(`event: file\\ndata: \\{"file_id":"${open}"`));
	t.false(told.includes('event: log'), 'nor of what others did');
	t.true((await owner(`"file_id":"${open}"`)).includes(hidden));
});
