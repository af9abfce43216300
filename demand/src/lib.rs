//! Campaigns, reports, aggregation, the privacy budget, releases and scoring (design, section 5,
//! "Demand"). The only room that will use `prio` and `tract`. Nothing is built here yet.
