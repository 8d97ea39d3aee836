import { place } from './place';
import { type Asked, sceneOf } from './scene';

// Layout of large graphs takes a while: the page goes on meanwhile.
const scope = self as unknown as { onmessage: (e: MessageEvent<{ number: number; lanes: Asked[] }>) => void; postMessage: (said: unknown) => void };

scope.onmessage = ({ data }) => {
  try {
    scope.postMessage({ number: data.number, laid: sceneOf(data.lanes, place) });
  } catch (e) {
    scope.postMessage({ number: data.number, problem: String(e) });
  }
};
