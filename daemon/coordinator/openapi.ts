import {z} from 'zod';
import {type Route, routes} from '../../source/protocol/routes.js';

const parametersOf = (route: Route) => [
	...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
		name,
		in: 'path',
		required: true,
		schema: {type: 'string'},
	})),
	...Object.entries(route.query?.shape ?? {}).map(([name, schema]) => ({
		name,
		in: 'query',
		required: false,
		schema: z.toJSONSchema(schema, {io: 'input', unrepresentable: 'any'}),
	})),
];

const fileForm = {
	type: 'object',
	required: ['file'],
	properties: {
		e2e: {
			type: 'string',
			description: 'Before the file, where it is sealed end to end: {"version": 1, "details": base64url}, as JSON',
		},
		file: {type: 'string', format: 'binary'},
	},
};

const contentOf = (type: string, schema: z.ZodType | undefined, io: 'input' | 'output') => ({
	[type]: schema ? {schema: z.toJSONSchema(schema, {io})} : type === 'multipart/form-data' ? {schema: fileForm} : {},
});

const operationOf = (name: string, route: Route) => ({
	operationId: name,
	summary: route.summary,
	parameters: parametersOf(route),
	...(route.body && {requestBody: {required: true, content: contentOf(route.body.type, route.body.schema, 'input')}}),
	responses: Object.fromEntries(
		Object.entries(route.answers).map(([status, {description, type, schema}]) => [
			status,
			{description, ...(type !== '' && {content: contentOf(type, schema, 'output')})},
		]),
	),
});

/** The description of the API (OpenAPI 3.1), made from the routes and schemas that serve and check it. */
export const openApi = (version: string): Record<string, unknown> => {
	const paths: Record<string, Record<string, unknown>> = {};
	for (const [name, route] of Object.entries<Route>(routes)) {
		paths[route.path] = {...paths[route.path], [route.method.toLowerCase()]: operationOf(name, route)};
	}

	return {
		openapi: '3.1.0',
		info: {title: 'PJAS coordinator', version, license: {name: 'MIT', identifier: 'MIT'}},
		paths,
	};
};
