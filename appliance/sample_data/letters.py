"""Sixteen kinds of letters in the clinic's house style.

Every letter has the same bones: "Re:", "Hx:", "Imp:", "Plan:" and the clinic's closing line; some
have "O/E:". What a model learns from them is the style; what differs is the medicine, of the
kind, and the people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEADS = (
    "Re: {name}, MRN: {mrn}\n",
    "Re: {name}, DOB {born}\n",
    "Re: {name}\n",
)
CLOSE = "\nTyped, not signed. {signed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKind:
    """One kind of letter: phrases for each of its bones.

    The phrases of one position belong together: they tell one case.

    Attributes:
        label: class label, public.
        history: what is told.
        findings: what is seen.
        impression: what it is taken for.
        plan: what is done.
    """

    label: str
    history: Sequence[str]
    findings: Sequence[str]
    impression: Sequence[str]
    plan: Sequence[str]


POOLS: Mapping[str, Sequence[str]] = {
    "seen": (
        "{age} {sexword}.",
        "{age} {sexword}.",
        "{age} {sexword}.",
        "{titled}.",
        "{age} {sexword} seen {day}.",
        "{titled} seen {day}.",
        "{age} {sexword}, here with {kinword} {kin}.",
        "{titled} and {kinword} {kin} came {day}.",
    ),
    "vitals": (
        "BP {n:104-168}/{n:58-96}, P {n:54-104}.",
        "BP {n:104-168}/{n:58-96}, wt {n:48-112} kg.",
        "Afebrile, P {n:54-104}, sats {n:93-99}%.",
    ),
    "dose": ("{n:1-2} tab daily", "at night", "twice daily", "with meals"),
    "side": ("left", "right"),
    "aside": (
        "No new meds.",
        "Lives with {kinword} {kin}.",
        "Works at {employer}.",
        "Retired from {employer}.",
        "Allergic to {penicillin|sulfa|latex}.",
        "Sleeps {n:4-9} h.",
        "Never smoked.",
        "Referred by {clinician}.",
        "SSN on file {ssn}.",
        "Tel {phone}.",
    ),
    "rtc": ("RTC {n:2-12} wks.", "RTC {n:3-6} mo.", "RTC prn."),
}

KINDS: tuple[LetterKind, ...] = (
    LetterKind(
        label="diabetes",
        history=(
            "Sugars {n:150-190}-{n:200-290} fasting, misses evening metformin, nocturia x{n:1-4}.",
            "Two hypos since {before}, both before lunch; carb counting lapsed.",
            "New to insulin, injects {side} thigh only, some lipohypertrophy.",
            "Stopped glipizide by self for dizziness; drinks {n:2-5} sodas a day.",
        ),
        findings=(
            "A1c {n:6.4-11.8}, LDL {n:58-161}. Feet: monofilament {n:4-10}/10 {side}.",
            "{vitals} A1c {n:6.4-11.8}; urine ACR {n:4-290}.",
            "Wt {n:61-118} kg. Fundi: {mild|no|early} background change {side}.",
        ),
        impression=(
            "T2DM above goal.",
            "T2DM, hypos.",
            "T2DM with early nephropathy.",
            "T2DM, stable.",
        ),
        plan=(
            "Metformin {n:500-1000} mg {dose}; diary; eye clinic.",
            "Glargine down {n:2-6} units, teach glucagon to family.",
            "Start empagliflozin 10 mg, sick day rules given, bloods {n:4-9} wks.",
            "Podiatry referral, dietitian, repeat A1c in {n:10-14} wks.",
        ),
    ),
    LetterKind(
        label="heart-failure",
        history=(
            "Up {n:2-6} kg since {before}, two pillows, ankles tight by noon.",
            "Breathless on one flight; admitted {hospital} {before} for diuresis.",
            "Palpitations at rest lasting {n:5-40} min, no syncope.",
            "Walks {n:50-400} yards, salt restricted by {kinword} {kin}.",
        ),
        findings=(
            "{vitals} JVP +{n:2-6} cm, crackles {side} base.",
            "Echo EF {n:22-54}%, LA dilated. Pitting to {mid-shin|knee}.",
            "Irregular pulse {n:72-128}; BNP {n:120-2400}.",
        ),
        impression=("HFrEF, congested.", "HFpEF, euvolemic.", "AF with HF, rate not controlled."),
        plan=(
            "Furosemide {n:40-120} mg {dose}, daily weights, K in {n:1-2} wks.",
            "Carvedilol up to {n:6-25} mg BID; HF nurse line.",
            "Apixaban 5 mg BID, Holter, stop ibuprofen.",
            "Add spironolactone 25 mg, creatinine on day {n:5-9}.",
        ),
    ),
    LetterKind(
        label="airways",
        history=(
            "{n:2-4} courses of prednisone this year, wheeze at night, cat at home.",
            "Smokes {n:3-25}/day, cough with {white|green} sputum {n:5-20} days.",
            "Albuterol {n:4-16} puffs daily; spacer lost in the move to {town}.",
            "No attack since {before}; plays soccer again.",
        ),
        findings=(
            "FEV1 {n:38-92}% predicted, sats {n:90-98}%.",
            "Wheeze {side} > other side, RR {n:14-26}.",
            "Peak flow {n:180-520}, technique {poor|fair}.",
            "Peak flow {n:380-620}, chest clear.",
        ),
        impression=(
            "Asthma, uncontrolled.",
            "COPD exacerbation, mild.",
            "Asthma, poor inhaler use.",
            "Asthma, well controlled.",
        ),
        plan=(
            "Step up to budesonide-formoterol {n:2-4} puffs; written plan.",
            "Doxycycline 100 mg BID {n:5-7} d, varenicline, quit line.",
            "Spacer reissued, technique shown, nurse check {n:2-6} wks.",
            "Step down to {n:2-3} puffs BID, flu shot given.",
        ),
    ),
    LetterKind(
        label="post-op",
        history=(
            "Day {n:9-42} after {side} total knee at {hospital}, walks with {a stick|two sticks}.",
            "{side} hip pinned {before} after fall in the yard; pain {n:2-7}/10.",
            "Carpal tunnel release {before}, still numb thumb {side}.",
            "Rotator cuff repair, sling off, sleeps in a chair.",
        ),
        findings=(
            "Wound dry, flexion {n:70-125} deg, calf soft.",
            "XR: nail well seated, no lucency. {vitals}",
            "Scar tender, grip {n:8-38} kg {side}.",
            "Abduction {n:60-140} deg, no wasting.",
        ),
        impression=(
            "Satisfactory recovery.",
            "Union on course.",
            "Slow nerve recovery.",
            "Repair intact.",
        ),
        plan=(
            "PT {n:2-3}x weekly, wean oxycodone by {after}.",
            "Full weight bearing, drive at week {n:6-8}.",
            "Night splint {n:3-8} wks, hand therapy.",
            "Pulleys at home, no lifting until {after}.",
        ),
    ),
    LetterKind(
        label="discharge",
        history=(
            "Admitted {before} to {hospital} with {pneumonia|cellulitis}; home {day}.",
            "Observed {n:1-3} nights at {hospital} for chest pain, troponin flat.",
            "In {hospital} since {before}: GI bleed, {n:2-4} units given.",
        ),
        findings=(
            "{side} side clearing, WBC {n:5.1-14.8}, afebrile.",
            "Stress echo negative at {n:7-12} METs.",
            "On leaving: {vitals} Hb {n:7.8-13.9}.",
        ),
        impression=(
            "Resolving infection.",
            "Non-cardiac chest pain.",
            "Duodenal ulcer, H. pylori positive.",
        ),
        plan=(
            "Finish amoxicillin {n:3-6} d, check at {n:5-8} wks.",
            "PCP {clinician} to see in {n:7-14} d; meds list to {kinword} {kin}.",
            "Omeprazole 20 mg BID, no NSAIDs, Hb in {n:1-2} wks.",
        ),
    ),
    LetterKind(
        label="radiology",
        history=(
            "Requested by {clinician} {before} for {side} flank pain.",
            "Screening study {day}; prior {before} at {hospital}.",
            "Fell from ladder {before}; r/o fracture {side} wrist.",
            "Upper belly pain after meals since {before}.",
        ),
        findings=(
            "CT: {n:3-9} mm stone {side} ureter, mild hydronephrosis.",
            "CT chest: {n:2-6} mm nodule {side}, unchanged.",
            "XR: no fracture line, soft tissue swelling {n:4-14} mm.",
            "US: gallstones to {n:5-21} mm, CBD {n:3-6} mm.",
        ),
        impression=(
            "Ureteric stone.",
            "No suspicious change.",
            "No acute bony injury.",
            "Cholelithiasis.",
        ),
        plan=(
            "Tamsulosin, strain urine, films {n:2-4} wks.",
            "Routine recall in {n:12-24} mo.",
            "Splint {n:10-14} d, repeat views if tender.",
            "Surgical opinion; result phoned to {phone}.",
        ),
    ),
    LetterKind(
        label="urgent-care",
        history=(
            "Cut {side} hand at {employer} {day}; tetanus unknown.",
            "Vomiting {n:6-36} h after potluck, {kinword} {kin} ill too.",
            "Burning urine {n:2-5} d, no flank pain, one similar {before}.",
            "Twisted {side} ankle on ice, heard a pop.",
        ),
        findings=(
            "{n:2-6} cm clean laceration, tendons intact.",
            "Dry tongue, abdomen soft. {vitals}",
            "Dip: nitrite pos, leuk {n:1-3}+.",
            "Swollen lateral side, Ottawa negative.",
        ),
        impression=(
            "Simple laceration.",
            "Gastroenteritis.",
            "Uncomplicated UTI.",
            "Ankle sprain.",
        ),
        plan=(
            "{n:3-8} nylon sutures, out in {n:7-12} d, Tdap given.",
            "Ondansetron 4 mg, oral fluids {n:1-2} L/d.",
            "Nitrofurantoin 100 mg BID {n:5-7} d; culture sent.",
            "RICE, brace {n:2-4} wks, work note to {employer}.",
        ),
    ),
    LetterKind(
        label="telephone",
        history=(
            "{kinword} {kin} rang {day} from {phone}: rash since new tablet.",
            "Call back to {phone}; asks for refill of lisinopril before trip.",
            "Left message on {phone}, {titled} rang back: dizzy on standing.",
            "E-mail from {email} {day} about results of {before}.",
        ),
        findings=(
            "Not examined; home BP {n:102-176}/{n:60-98}.",
            "By phone: speaking in full sentences, no swelling.",
            "Home sugars {n:90-240}; no red flags.",
        ),
        impression=("Likely drug rash.", "Refill request.", "Postural symptoms.", "Results query."),
        plan=(
            "Stop amoxicillin, cetirizine 10 mg, ED if lips swell.",
            "Refill {n:30-90} tabs to pharmacy in {town}.",
            "Halve amlodipine, home readings {n:5-10} d.",
            "Results explained, copy to {email}.",
        ),
    ),
    LetterKind(
        label="mental-health",
        history=(
            "Low since {before}, wakes at {n:2-5}, off work from {employer}.",
            "Panic on buses {n:1-4}/wk, avoids {town} center.",
            "Sertraline helps, {kinword} {kin} notes brighter mood.",
            "Drinks {n:10-45} units/wk, wants to cut down.",
        ),
        findings=(
            "PHQ-9 {n:12-24}, GAD-7 {n:6-20}. No plans of harm.",
            "Tidy, good eye contact, anxious; GAD-7 {n:9-20}.",
            "PHQ-9 {n:0-5}, sleeps {n:6-9} h, affect reactive.",
            "AUDIT {n:8-29}, no tremor.",
        ),
        impression=(
            "Moderate depression.",
            "Panic disorder.",
            "Depression in remission.",
            "Alcohol misuse.",
        ),
        plan=(
            "Sertraline {n:50-150} mg, CBT list, crisis number given.",
            "Graded exposure with {clinician}, no benzodiazepines.",
            "Continue {n:4-9} mo then taper.",
            "Naltrexone 50 mg, LFTs, group on {after}.",
        ),
    ),
    LetterKind(
        label="dermatology",
        history=(
            "{side} cheek lesion growing since {before}, farm work, no hat.",
            "Itchy elbows {n:2-9} mo, worse with stress at {employer}.",
            "Leg ulcer {side} {n:4-30} wks, dressings by {kinword} {kin}.",
        ),
        findings=(
            "{n:4-15} mm pearly papule, telangiectasia.",
            "Plaques over {n:2-11}% BSA, nails pitted.",
            "Ulcer {n:2-7} x {n:1-4} cm, ABPI {n:0.70-1.15}.",
        ),
        impression=("Probable basal cell carcinoma.", "Plaque psoriasis.", "Venous ulcer."),
        plan=(
            "Excision {after}, path to follow.",
            "Calcipotriol-betamethasone {dose}, consider phototherapy.",
            "Compression {n:3-4} layers, vascular review.",
        ),
    ),
    LetterKind(
        label="oncology",
        history=(
            "Cycle {n:2-8} of FOLFOX done {before}, tingling fingers {n:2-9} d.",
            "{n:1-5} yr after bowel resection, weight steady, no bleeding.",
            "Bone pain {side} hip since {before}, sleeps {n:3-6} h.",
        ),
        findings=(
            "ECOG {n:0-2}, ANC {n:0.9-5.8}, CEA {n:1.2-38.5}.",
            "No nodes, belly soft. {vitals}",
            "ALP {n:130-480}; scan {before}: {n:1-4} new foci.",
        ),
        impression=("Stable disease.", "No recurrence.", "Progression in bone."),
        plan=(
            "Dose down {n:15-25}%, next cycle {after}.",
            "CEA now, colonoscopy in {n:6-24} mo.",
            "Discuss at board, radiotherapy {n:5-10} fractions.",
        ),
    ),
    LetterKind(
        label="kidney",
        history=(
            "eGFR falling since {before}, naproxen for back most days.",
            "Fistula {side} arm made {before}, thrill good.",
            "Gout {n:2-5}x this year, thiazide for years.",
        ),
        findings=(
            "Creatinine {n:1.3-5.9}, K {n:3.8-6.1}, Hb {n:8.6-12.9}.",
            "{vitals} No edema. ACR {n:30-1400}.",
            "Urate {n:6.8-11.4}; US kidneys {n:8-11} cm, equal.",
        ),
        impression=("CKD 3b.", "CKD 5, planning dialysis.", "Gout in CKD."),
        plan=(
            "Stop NSAIDs, losartan {n:25-100} mg, diet sheet.",
            "Access clinic {after}, hepatitis B vaccine.",
            "Allopurinol {n:50-200} mg, colchicine cover {n:6-12} wks.",
        ),
    ),
    LetterKind(
        label="neurology",
        history=(
            "{n:2-9} migraines/mo, aura {n:10-45} min, misses work.",
            "Two seizures since {before}, missed levetiracetam.",
            "Slower, shuffles, {kinword} {kin} does the cooking.",
        ),
        findings=(
            "Fundi sharp, no focal sign. {vitals}",
            "MRI {before}: {side} temporal scar.",
            "Rest tremor {side}, cogwheeling, MoCA {n:16-28}/30.",
        ),
        impression=("Migraine with aura.", "Focal epilepsy.", "Parkinson disease."),
        plan=(
            "Propranolol {n:40-120} mg, rizatriptan prn, diary.",
            "Levetiracetam {n:500-1500} mg BID, no driving until {after}.",
            "Carbidopa-levodopa {n:2-3} tabs TID, speech therapy.",
        ),
    ),
    LetterKind(
        label="falls",
        history=(
            "{n:2-5} falls since {before}, last on stairs at {street}, {town}.",
            "Lives alone at {street}; {kinword} {kin} shops on Fridays.",
            "Unsteady on rising, takes {n:7-14} tablets.",
        ),
        findings=(
            "Up and go {n:14-38} s, BP drop {n:18-42}.",
            "Vision 20/{n:40-100}, feet in slippers. {vitals}",
            "T-score {n:1.0-3.9} below, vitamin D {n:8-31}.",
        ),
        impression=("Recurrent falls, postural drop.", "Frailty, moderate.", "Osteoporosis."),
        plan=(
            "Cut doxazosin, rails at home, strength class.",
            "OT visit {after}, pendant alarm, {kin} informed.",
            "Alendronate 70 mg weekly, calcium, DEXA {n:18-30} mo.",
        ),
    ),
    LetterKind(
        label="coverage",
        history=(
            "Form for {insurer}, policy {policy}, SSN {ssn}, for {MRI|infusion|CPAP}.",
            "Appeal to {insurer}: denied {before}, member {policy}.",
            "Disability papers of {employer}; SSN {ssn}, off since {before}.",
        ),
        findings=(
            "Failed {n:2-4} drugs over {n:4-18} mo.",
            "Sleep study AHI {n:12-74}, lowest sat {n:68-88}%.",
            "Lifts under {n:5-20} lb, sits {n:15-45} min.",
        ),
        impression=("Criteria met.", "Step therapy complete.", "Unfit for heavy work."),
        plan=(
            "Peer call {phone}, fax notes, reply by {after}.",
            "Approve {n:6-12} mo; copy to {street}, {town} {zip}.",
            "Light duty from {after}, review {n:4-8} wks.",
        ),
    ),
    LetterKind(
        label="pharmacy",
        history=(
            "Warfarin clinic {day}: missed {n:2-4} doses, new antibiotic {before}.",
            "{n:9-16} medicines checked with {kinword} {kin}, two doubled.",
            "Lithium level due; tremor, drinks less water in heat.",
        ),
        findings=(
            "INR {n:1.2-6.4}, no bleeding.",
            "Pill box: {n:2-8} left over, amlodipine twice.",
            "Level {n:0.4-1.6}, TSH {n:0.6-9.8}, Na {n:129-143}.",
        ),
        impression=("INR out of range.", "Duplicate therapy.", "Lithium level high."),
        plan=(
            "Hold {n:2-3} doses, {n:2-6} mg after, INR {n:3-7} d.",
            "List cut to {n:6-8}, blister packs to {street}.",
            "Lithium down to {n:300-900} mg, level in {n:5-8} d.",
        ),
    ),
)
