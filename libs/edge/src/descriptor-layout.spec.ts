import { descriptorLayout } from '@longhaul/native';
import { Receive, RECEIVE_STRIDE, Send, SEND_STRIDE } from '@longhaul/tunnel';

it('packets cross the border between protocol and addon in one layout', () => {
  expect(descriptorLayout).toMatchObject({
    receiveStride: RECEIVE_STRIDE,
    sendStride: SEND_STRIDE,
    sendFlagMtuProbe: 1,
    receive: Receive,
    send: Send,
  });
});
