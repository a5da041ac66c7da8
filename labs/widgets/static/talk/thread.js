/** The page's end of the model's thread: questions as promises. */

/**
 * @typedef {object} Thread
 * @property {(ask: string, asked?: any, tell?: (part: any) => void) => Promise<any>} ask
 * @property {() => void} end ends the thread; what is still asked is never answered
 */

/**
 * Start a thread of a program's text: from a blob, so that it runs on pages from disk as well.
 * @param {string} program
 * @param {(message: string) => void} onFault called once when the thread itself fails
 * @returns {Thread}
 */
export function startThread(program, onFault) {
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  const worker = new Worker(url);
  const open = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, part, found, fault } }) => {
    const asked = open.get(id);
    if (part) return asked.tell?.(part);
    open.delete(id);
    if (fault) asked.reject(Object.assign(new Error(fault.message), fault));
    else asked.resolve(found);
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    onFault(event.message ?? "");
  };
  worker.onmessageerror = () => onFault("messageerror");
  const ask = (what, asked = {}, tell) =>
    new Promise((resolve, reject) => {
      const id = ++count;
      open.set(id, { resolve, reject, tell });
      worker.postMessage({ ...asked, id, ask: what });
    });
  const end = () => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
  return { ask, end };
}
