import {createHash, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import type {Metric} from 'prom-client';
import type {MetricFamily} from '../core/metrics.js';

/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What a process says of itself in that format: processor, memory, garbage, and how late its event loop is. */
export type ProcessMetrics = () => Promise<string>;

/** Loaded when somebody asks first: most networks have no Prometheus, and no use for the time and memory that it takes. */
const load = async () => (await import('prom-client')).default;

/** Measured from the first question on, once for all that runs in the process. */
export const createProcessMetrics = (): ProcessMetrics => {
	const begin = async () => {
		const {collectDefaultMetrics, Registry} = await load();
		const register = new Registry();
		collectDefaultMetrics({register});
		return register;
	};
	let registry: ReturnType<typeof begin> | undefined;
	return async () => (await (registry ??= begin())).metrics();
};

/** Families as text. A registry asks each of its metrics for its values with `get`, so a family answers as one. */
export const metricsText = async (
	families: readonly MetricFamily[],
	ofProcess: ProcessMetrics = async () => Promise.resolve(''),
): Promise<string> => {
	const {Registry} = await load();
	const registry = new Registry();
	for (const {name, help, type, samples} of families) {
		const values = samples.map(({suffix = '', ...sample}) => ({...sample, metricName: name + suffix}));
		const get = async () => Promise.resolve({name, help, type, values});
		registry.registerMetric({name, get} as unknown as Metric);
	}

	return `${await registry.metrics()}\n${await ofProcess()}`;
};

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const bearerPattern = /^Bearer +(\S{1,500})$/i;

/** Whether a request brings the token for metrics; never where there is none. */
export const hasMetricsToken = ({headers}: IncomingMessage, token: string | undefined): boolean => {
	const given = bearerPattern.exec(headers.authorization ?? '')?.[1];
	return token !== undefined && given !== undefined && timingSafeEqual(hashOf(given), hashOf(token));
};
