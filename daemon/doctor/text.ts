import type {DoctorReport, Finding} from '../../source/protocol/doctor.js';
import {escapeControls} from '../../source/protocol/escape.js';

const words: Record<Finding['outcome'], string> = {fine: 'ok', warning: 'WARNING', wrong: 'WRONG', skipped: 'skipped'};
const WORD_WIDTH = 8;
const CHECK_WIDTH = 14;

const linesOf = ({check, outcome, tried, seen, remedy}: Finding): string[] => {
	const indent = ' '.repeat(WORD_WIDTH + CHECK_WIDTH);
	const head = `${words[outcome].padEnd(WORD_WIDTH)}${check.padEnd(CHECK_WIDTH)}${seen}`;
	if (outcome === 'fine' || outcome === 'skipped') return [head];
	return [head, `${indent}tried: ${tried}`, ...(remedy === null ? [] : [`${indent}to do: ${remedy}`])];
};

/** A report for people: a line for each check, and what to do below those that need something done. */
export const reportText = (report: DoctorReport): string => {
	const {role, version, folder, findings} = report;
	const count = (outcome: Finding['outcome']) => findings.filter(finding => finding.outcome === outcome).length;
	const warnings = count('warning');
	const end = report.is_well
		? `Nothing is wrong${warnings > 0 ? `; ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}` : ''}`
		: `${count('wrong')} of ${findings.length} checks found something wrong`;
	const lines = [`A ${role} with ${folder}, version ${version}`, '', ...findings.flatMap(linesOf), '', end];
	return lines.map(escapeControls).join('\n');
};
