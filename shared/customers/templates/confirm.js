(function () {
  var form = document.forms[0];
  function send() {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", send);
    var button = form.querySelector("button");
    button.textContent = button.dataset.busy;
    form.submit();
  }
  document.addEventListener("visibilitychange", send);
  send();
})();
