import test from 'ava';
import {escapeControls} from './escape.js';

test('what a terminal would obey is made visible', t => {
	t.is(escapeControls('a\u001B[2Jb\r\n\u009B\u007F'), 'a\\u001b[2Jb\\u000d\\u000a\\u009b\\u007f');
	t.is(escapeControls('exe.\u202Egpj\u2028\uFEFF'), 'exe.\\u202egpj\\u2028\\ufeff');
	t.is(escapeControls('\uD800 alone'), '\\ud800 alone');
});

test('names in any script and emoji stay as they are', t => {
	for (const name of ['naïve café.txt', '文件.png', 'עברית', '👩‍👩‍👧.jpg', 'a "quoted" \\ name']) {
		t.is(escapeControls(name), name);
	}
});
