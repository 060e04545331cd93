// The network behind the console of `npm start`. Should the console end without a word, the channel to it breaks.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.argv.splice(2, 0, '--role', 'local', '--log-format', 'json');
await import('../dist/bundle/pjas-daemon.js');
