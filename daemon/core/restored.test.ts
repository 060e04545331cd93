import test from 'ava';
import {isKeptBack, KEPT_AFTER_RESTORE_MS, strangersKeptUntil} from './restored.js';

const AT = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

test('for seven days after a backup came back, nothing is removed for being unknown', t => {
	t.is(strangersKeptUntil(undefined, AT), undefined);
	t.is(strangersKeptUntil(AT, AT), AT + KEPT_AFTER_RESTORE_MS);
	t.is(strangersKeptUntil(AT, AT - HOUR_MS), AT + KEPT_AFTER_RESTORE_MS, 'a clock that was set back ends nothing');
	t.is(strangersKeptUntil(AT, AT + KEPT_AFTER_RESTORE_MS), undefined);
	for (const notBefore of [0, AT, AT + HOUR_MS, AT + KEPT_AFTER_RESTORE_MS]) {
		t.true(isKeptBack({reason: 'orphan', notBefore}, AT, AT + HOUR_MS));
		t.false(isKeptBack({reason: 'orphan', notBefore}, AT, AT + KEPT_AFTER_RESTORE_MS));
		t.false(isKeptBack({reason: 'orphan', notBefore}, undefined, AT));
	}
});

test('a copy that a repair was making when the backup was taken is kept; what was deleted stays deleted', t => {
	t.true(isKeptBack({reason: 'surplus', notBefore: AT - HOUR_MS}, AT, AT + 2 * HOUR_MS));
	t.false(isKeptBack({reason: 'surplus', notBefore: AT + 2 * HOUR_MS}, AT, AT + 3 * HOUR_MS));
	t.false(isKeptBack({reason: 'deleted', notBefore: 0}, AT, AT));
	t.false(isKeptBack({reason: 'upload-failed', notBefore: 0}, AT, AT));
});
