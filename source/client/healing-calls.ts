import {alertsAnswerSchema, alertsTestedSchema} from '../protocol/alerts-api.js';
import {nodeAnswerSchema} from '../protocol/api.js';
import {movesAnswerSchema, safeToStopSchema} from '../protocol/healing-api.js';
import type {HealingApi} from './healing-contract.js';
import type {Http} from './http.js';
import {jsonBody} from './json-body.js';
import {callJson} from './read-answer.js';

/** The calls about nodes that are to be away, about moves and alerts, over got. */
export const createHealingCalls = (http: Http): HealingApi => ({
	drainNode: async (id, options = {}) =>
		(await callJson(http, {name: 'drainNode', id, ...jsonBody(options)}, nodeAnswerSchema)).node,
	cancelDrain: async id => (await callJson(http, {name: 'cancelDrain', id}, nodeAnswerSchema)).node,
	maintainNode: async (id, window) =>
		(await callJson(http, {name: 'maintainNode', id, ...jsonBody(window)}, nodeAnswerSchema)).node,
	endMaintenance: async id => (await callJson(http, {name: 'endMaintenance', id}, nodeAnswerSchema)).node,
	setNodeLimits: async (id, limits) =>
		(await callJson(http, {name: 'setNodeLimits', id, ...jsonBody(limits)}, nodeAnswerSchema)).node,
	endNodeWishes: async id => (await callJson(http, {name: 'endNodeWishes', id}, nodeAnswerSchema)).node,
	safeToStop: async id => callJson(http, {name: 'safeToStop', id}, safeToStopSchema),
	moves: async () => (await callJson(http, {name: 'moves'}, movesAnswerSchema)).moves,
	alerts: async () => (await callJson(http, {name: 'alerts'}, alertsAnswerSchema)).alerts,
	testAlerts: async () => (await callJson(http, {name: 'testAlerts'}, alertsTestedSchema)).deliveries,
});
