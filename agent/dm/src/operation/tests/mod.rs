mod access_control;
mod add;
mod change;
mod exec;
mod get;
mod random;
