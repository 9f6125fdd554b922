// What may be done with a case as it stands, by the declared flows; the service decides, this only offers.

export class Flows {
  constructor(flows, offices, grave) {
    this.flows = Object.fromEntries(flows.map((flow) => [flow.flow, flow]));
    this.offices = new Set(offices);
    this.grave = new Set(grave);
  }

  stepsOf(one) {
    const flow = this.flows[one.flow];
    return flow ? flow.steps.filter((step) => step.from.includes(one.status)
      && step.offices.some(([office]) => this.offices.has(office))
      && (step.graves !== "ordinary" || !this.grave.has(one.level))
      && (step.graves !== "determined" || one.level !== "suspected")) : [];
  }

  // Steps that at least one of the cases may make, each with how many may; the ones for most come first.
  stepsOfAll(cases) {
    const found = new Map();
    for (const one of cases) {
      for (const step of this.stepsOf(one)) {
        const held = found.get(step.step) || { step, count: 0 };
        held.count += 1;
        found.set(step.step, held);
      }
    }
    return [...found.values()].sort((a, b) => b.count - a.count);
  }
}

// Which step takes another one back, where the flow has one.
const BACK = { close: "reopen", reject: "reopen", decline: "reopen", merge: "reopen", suspend: "resume", accept: "return" };

export function backFrom(step, offered) {
  return offered.find((one) => one.step === BACK[step]) || null;
}

// What ends a case's own way is asked about once more.
const ASKED = {
  reject: "不予受理后案件不再办理",
  decline: "不予立案后案件不再办理",
  merge: "并案后这件案件不再单独办理,以主案为准",
};

export function agreed(step, count = 1) {
  const warning = ASKED[step.step];
  return !warning || window.confirm(`${warning};要恢复只能“重新办理”。确定${step.title}${count > 1 ? ` ${count} 件` : ""}?`);
}
