#!/usr/bin/env node
/**
Starts the daemon with more threads for its disk. Node has four for all calls to the file system, and a node's disk keeps
more flushes than that under way at once. They are made at the first such call, which the loader of ES modules already
makes: so this is CommonJS, and says how many before anything else is loaded.
*/
process.env['UV_THREADPOOL_SIZE'] ??= '16';

// The bundle, which the compiler does not know: it is made of what the compiler reads.
const program = '../bundle/pjas-daemon.js';
void import(program);
