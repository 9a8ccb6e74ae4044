//! Alerts and interactions in, incidents out, over HTTP. It decides who may ask and in which shape it is answered; what it
//! means is the pipeline's.

pub mod sender;
