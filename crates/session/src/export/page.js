"use strict";
const video = document.querySelector("video");
const chart = document.querySelector(".chart");
if (video && chart) {
  const caption = document.querySelector(".caption");
  const playhead = document.querySelector(".playhead");
  const [from, to] = [Number(chart.dataset.from), Number(chart.dataset.to)];
  const replies = Array.from(document.querySelectorAll(".reply"), (item) => ({
    item, time: Number(item.dataset.time), held: item.classList.contains("held"), text: item.querySelector(".said").textContent,
  }));
  const seek = (time) => { video.currentTime = time; };
  for (const button of document.querySelectorAll("button.at")) {
    button.addEventListener("click", () => { seek(Number(button.value)); video.scrollIntoView({ block: "nearest" }); });
  }
  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    seek(from + (event.clientX - box.left) / box.width * (to - from));
  });
  const show = () => {
    const now = video.currentTime;
    const share = Math.min(1, Math.max(0, (now - from) / (to - from)));
    playhead.hidden = false;
    playhead.style.left = `calc(${share * 100}% - 1px)`;
    const said = replies.filter((reply) => !reply.held && reply.time <= now + 0.001 && now < reply.time + 5).pop();
    caption.textContent = said ? said.text : "";
    for (const reply of replies) reply.item.classList.toggle("now", reply === said);
  };
  video.addEventListener("timeupdate", show);
  video.addEventListener("seeked", show);
  // The file was moved, or this browser cannot play it: the pictures are in the page.
  const doWithout = () => {
    document.querySelector(".stage").hidden = true;
    document.querySelector(".unplayable").hidden = false;
    chart.removeAttribute("data-seekable");
    for (const button of document.querySelectorAll("button.at")) button.disabled = true;
  };
  video.addEventListener("error", doWithout);
  if (video.error) doWithout();
}
