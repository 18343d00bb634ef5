// Search works in pages that are opened as files, too: browsers start no worker from a file, so
// what it would do is done in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inner = frame.contentWindow;
      this.waiting = [];
      const inside = this.inner.document;
      inside.open();
      inside.write("<!doctype html><body></body>");
      inside.close();
      const tell = (data) => this.answer(data);
      this.inner.postMessage = (data) => setTimeout(() => tell(data));
      const script = inside.createElement("script");
      script.src = new URL(url, location.href).href;
      script.onload = () => this.start();
      script.onerror = (event) => this.dispatchEvent(new ErrorEvent("error", event));
      inside.body.appendChild(script);
    }

    start() {
      const waiting = this.waiting;
      this.waiting = null;
      waiting.forEach((data) => this.postMessage(data));
    }

    answer(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else setTimeout(() => this.inner.dispatchEvent(new this.inner.MessageEvent("message", { data })));
    }

    terminate() {
      this.inner.frameElement.remove();
    }
  };
}
