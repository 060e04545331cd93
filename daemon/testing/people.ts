import type {ExecutionContext} from 'ava';
import type {z} from 'zod';
import {createdTokenSchema, invitedSchema} from '../../source/protocol/people-api.js';
import type {Role} from '../core/model.js';
import {startTestNetwork, type TestNetwork, type TestNetworkOptions} from './network.js';

/** Calls the API as somebody: with this token, or without one. */
export type Call = (method: string, path: string, options?: CallOptions) => Promise<Response>;
export type CallOptions = {json?: unknown; form?: FormData; headers?: Record<string, string>};

export type PeopleNetwork = TestNetwork & {
	as: (token: string | undefined) => Call;
	adminToken: string;
	/** Makes an account with a full token, which is given; its password is `passwordOf(name)`. */
	addAccount: (name: string, role?: Role, quotaBytes?: number) => Promise<string>;
};

export const passwordOf = (name: string): string => `the password of ${name}`;

export const formOf = (name: string, bytes: Uint8Array | string): FormData => {
	const form = new FormData();
	form.append('file', new Blob([typeof bytes === 'string' ? bytes : new Uint8Array(bytes)]), name);
	return form;
};

const read = async <Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> =>
	schema.parse(await response.json());

/** The cookie that an answer sets, as a browser sends it back. */
export const cookieOf = (response: Response): string => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';

/** A coordinator with accounts over nodes in memory, whose first start was now. */
export const startPeopleNetwork = async (
	t: ExecutionContext,
	options: TestNetworkOptions = {},
): Promise<PeopleNetwork> => {
	const network = await startTestNetwork(t, {open: false, ...options});
	let adminToken = '';
	await network.coordinator.makeFirstAdmin(async token => {
		adminToken = token;
		return Promise.resolve();
	});

	const as =
		(token: string | undefined): Call =>
		async (method, path, {json, form, headers = {}} = {}) =>
			fetch(network.url + path, {
				method,
				headers: {
					...(token !== undefined && {authorization: `Bearer ${token}`}),
					...(json !== undefined && {'content-type': 'application/json'}),
					...headers,
				},
				...(json !== undefined && {body: JSON.stringify(json)}),
				...(form && {body: form}),
			});

	const addAccount: PeopleNetwork['addAccount'] = async (name, role = 'member', quotaBytes) => {
		const asked = {name, role, ...(quotaBytes !== undefined && {quota_bytes: quotaBytes})};
		const {code} = await read(await as(adminToken)('POST', '/api/invitations', {json: asked}), invitedSchema);
		const json = {code, password: passwordOf(name)};
		const cookie = cookieOf(await as(undefined)('POST', '/api/invitations/accept', {json}));
		const made = await as(undefined)('POST', '/api/tokens', {json: {name: 'test'}, headers: {cookie}});
		return (await read(made, createdTokenSchema)).secret;
	};

	return {...network, as, adminToken, addAccount};
};
