// Package paired judges whether a benchmark changed, from rounds in which the
// old code ran twice and the new code once, next to each other in random order.
//
// It is for interleaved runs on machines that are not quiet. Who has two
// independent samples, taken one after the other, wants benchstat instead.
//
// # The statistic
//
// Every round gives one new value B and two old ones, A1 and A2. Only values
// of one round are ever compared: a neighbour that wakes up, a clock that
// changes, a host that takes the CPU away strike whole rounds, and a round is
// a fraction of a second. The 2n ratios B/A1 and B/A2 of n rounds are sorted;
// their median is the change, and two of them are the ends of its interval.
//
// Which two follows from counting. The runs of one round are in random order,
// so if the code did not change, B is the smallest, the middle or the largest
// of its three with probability 1/3 each: the number of ratios above 1 is a
// sum of n independent draws from {0, 1, 2}. Its distribution is computed,
// not approximated, and it assumes nothing about the noise: not its shape, not
// that it is the same in two rounds, not that it is independent of the load.
// The A/A noise floor is the same computation on A2/A1, where it is the sign
// test.
//
// Shared machines have bimodal noise: a run is either undisturbed or tens of
// percent slow. On recorded rounds from a machine busy with compilers (a 5 %
// slow-down, 40 rounds, error rate 0.01) the alternatives found this share of
// the slow-downs: t test on the logarithms 0.09, Mann-Whitney without rounds
// 0.38, Wilcoxon's signed ranks 0.27 to 0.42, ranks aligned by the round's
// mean 0.61 and by its median 0.89, this count 0.98. The price is paid where
// noise is normal: there it needs 1.4 times the rounds of a t test.
//
// # Many comparisons
//
// A run of 30 benchmarks with three units makes 90 comparisons, and one of
// them will look odd by chance. The intervals therefore hold together: each is
// computed at the error rate of the run divided by the number of comparisons
// (Bonferroni). Comparisons in which no value ever differed cannot be wrong
// and do not count. The default error rate of a run is 0.01, so that 19 of 20
// comparisons of a revision with itself stay silent with room to spare.
//
// # The verdict
//
// A benchmark changed if the whole interval lies on one side of zero, the
// change exceeds the precision with which the old code repeats itself (half the
// width of the A/A interval), and it exceeds the smallest change of interest:
// moving code by a few bytes may move a loop by a percent, and no statistic
// sees a reason.
//
// Nothing here keeps state; all functions are safe for concurrent use.
package paired
